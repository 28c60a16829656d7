# SPDX-License-Identifier: GPL-3.0-or-later
"""Host text made safe and short for the people it is shown to."""

from __future__ import annotations

import re
from typing import Callable

from ..core import canonical
from . import Message

_MARKDOWN = re.compile(r"[\\`*_~|<>\[\]()@#:]")
_LINE_START = re.compile(r"^([ \t]*(?:[0-9]{1,9}(?=\.))?)([-+.])(?=\s|$)", re.MULTILINE)
_UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9._-]", re.ASCII)


def attachment_name(message: Message) -> str:
    """``vps-sentry-HOST-TIME.json``; what is no letter, digit, dot, hyphen or underscore becomes ``_``."""
    host = _UNSAFE_IN_NAME.sub("_", message.host)[:64]
    time = _UNSAFE_IN_NAME.sub("_", message.time.replace(":", ""))[:40]
    return f"vps-sentry-{host}-{time}.json"


def printable(text: str) -> str:
    """``text`` with whatever is not printable, line ends aside, as ``\\xHH``."""
    return "".join(char if char.isprintable() or char == "\n" else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return canonical.escape(char.encode("utf-8", "surrogatepass"))


def markdown(text: str) -> str:
    """``text`` as Markdown that shows exactly it: no style, link, mention, emoji, quote, heading or list."""
    escaped = _MARKDOWN.sub(r"\\\g<0>", printable(text))
    return _LINE_START.sub(r"\1\\\2", escaped)


def width(text: str) -> int:
    """Length in UTF-16 units, the most that a receiver counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def clip(text: str, limit: int, *, where: str = "", escape: Callable[[str], str] = markdown) -> str:
    """``text``, escaped, in at most ``limit`` units; what is left out is counted, ``where`` says where to find it."""
    # No escape shortens a text, so what lies beyond the limit is never shown.
    whole = escape(text[: limit + 1])
    if len(text) <= limit and width(whole) <= limit:
        return whole
    room = limit - width(_more(len(text), where))
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if width(escape(text[:middle])) <= room:
            low = middle
        else:
            high = middle - 1
    return escape(text[:low]) + _more(len(text) - low, where)


def _more(count: int, where: str) -> str:
    return f" … and {count} more characters{where}"
