# SPDX-License-Identifier: GPL-3.0-or-later
"""Path patterns as people write them: ``*`` within a name, ``**`` for any depth, ``{a,b}`` for alternatives."""

from __future__ import annotations

from typing import Any, List, Tuple

from ..core import canonical
from ..tick import tree

Components = Tuple[Any, ...]
Pattern = Tuple[bytes, Components]
"""A literal directory ending in ``/`` and what lies below it, as ``tick.tree`` reads it."""

_MAX_ANY_DEPTH = 2


def encode(text: str) -> bytes:
    """The bytes of a path or pattern written as text; ``\\xHH`` as printed in a file's key is understood.

    Raises ValueError for what can be no path: empty, NUL, ``..``, not UTF-8.
    """
    raw = canonical.unescape(text)
    if not raw.strip(b"/"):
        raise ValueError(f"{text!r} names nothing; write a path below /")
    if b"\0" in raw:
        raise ValueError(f"{text!r} holds a NUL byte; no path can")
    if b".." in raw.split(b"/"):
        raise ValueError(f"{text!r} holds '..'; write the path without it")
    if raw.split(b"/").count(b"**") > _MAX_ANY_DEPTH:
        raise ValueError(f"{text!r} holds '**' more than {_MAX_ANY_DEPTH} times")
    return raw


def absolute(text: str) -> bytes:
    """``encode`` for a path that must begin with ``/``."""
    raw = encode(text)
    if not raw.startswith(b"/"):
        raise ValueError(f"{text!r} is not an absolute path; begin it with /")
    return raw


def split(path: bytes) -> Pattern:
    """An absolute path or pattern as the deepest literal directory and the components below it (at least one)."""
    parts = [component(part) for part in path.split(b"/") if part not in (b"", b".")]
    literal = 0
    while literal < len(parts) - 1 and type(parts[literal]) is bytes:
        literal += 1
    return b"".join((b"/", *(part + b"/" for part in parts[:literal]))), tuple(parts[literal:])


def component(part: bytes) -> Any:
    """One name of a pattern as ``tick.tree.pick`` reads it."""
    if part == b"**":
        return None
    names = _alternatives(part)
    if len(names) == 1 and b"*" not in names[0]:
        return names[0]
    chunks = tuple(tuple(name.split(b"*")) for name in names)
    if all(len(entry) == 2 and not entry[0] for entry in chunks):
        return tuple(suffix for _, suffix in chunks)
    return chunks


def _alternatives(part: bytes) -> List[bytes]:
    start = part.find(b"{")
    end = part.find(b"}", start)
    if start < 0 or end < 0:
        return [part]
    tails = _alternatives(part[end + 1 :])
    return [part[:start] + choice + tail for choice in part[start + 1 : end].split(b",") for tail in tails]


def exclusion(text: str, *, below: bytes = b"") -> Pattern:
    """What is left out of the watch ``below`` (empty: of all): a name at any depth, a path in it, an absolute path."""
    raw = encode(text)
    if not raw.startswith(b"/"):
        if not below and b"/" in raw.strip(b"/"):
            raise ValueError(f"{text!r} is neither a name nor an absolute path")
        inside = b"/" if b"/" in raw.strip(b"/") else b"/**/"
        raw = below.rstrip(b"/") + inside + raw
    return split(raw)


def covers(pattern: Pattern, path: bytes) -> bool:
    """Whether ``pattern`` matches the absolute ``path`` or a directory above it."""
    base, components = pattern
    if not path.startswith(base):
        return False
    names = path[len(base) :].split(b"/")
    return any(tree.reaches(components, names[:end]) for end in range(1, len(names) + 1))
