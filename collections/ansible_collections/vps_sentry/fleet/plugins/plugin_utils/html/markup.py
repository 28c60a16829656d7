# SPDX-License-Identifier: GPL-3.0-or-later
"""HTML out of elements: whatever is not an element itself is escaped, so no text of a host can become markup."""

from __future__ import annotations

from html import escape
from typing import Iterable, List, Union

from ..limits import show

_ASCII = 126
_VOID = frozenset({"meta", "col"})


class Markup(str):
    """Text that is HTML already. Only this module makes it of anything but literals."""

    __slots__ = ()


Child = Union[str, Markup, Iterable[Union[str, Markup]]]


def element(tag: str, /, *children: Child, **attributes: str) -> Markup:
    """``<tag>``; ``class_`` and the like lose their underscore, ``data_x`` becomes ``data-x``."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value, quote=True)}"' for key, value in attributes.items()
    )
    if tag in _VOID:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{join(children)}</{tag}>")


def join(children: Iterable[Child]) -> Markup:
    """One after the other, escaped where they are text."""
    parts: List[str] = []
    for child in children:
        if isinstance(child, Markup):
            parts.append(child)
        elif isinstance(child, str):
            parts.append(escape(child, quote=True))
        else:
            parts.append(join(child))
    return Markup("".join(parts))


def named(text: str, *, limit: int = 200) -> Markup:
    """A name given by a host: what cannot be printed is written as ``\\xHH``, letters beyond ASCII are marked."""
    plain = show(text, limit=limit)
    if plain.isascii():
        return join([plain])
    return join(_marked(char) if ord(char) > _ASCII and char != "…" else char for char in plain)


def _marked(char: str) -> Markup:
    return element("mark", char, title=f"not ASCII: U+{ord(char):04X}")
