# SPDX-License-Identifier: GPL-3.0-or-later
"""passwd(5), group(5), shadow(5), subuid(5) as text -> rows, read as glibc reads them. Pure.

glibc takes more than ``useradd`` writes: a line without its last fields, blanks before a name or a number, ``+0``.
Whoever hides an account writes such a line, so it counts here too, and is called malformed besides.
"""

from __future__ import annotations

import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from ..core.canonical import escape

_NUMBER = re.compile(rb"[ \t\v\f\r]*([+-]?)([0-9]+)", re.ASCII)
_MOST = 2**32 - 1
"""What glibc makes of a number that is too large, or below zero."""
_NAME = re.compile(rb"[A-Za-z0-9_.-]{1,64}[$]?", re.ASCII)


class Account(NamedTuple):
    """One line of passwd(5)."""

    name: bytes
    password: bytes
    uid: int
    gid: int
    home: bytes
    shell: bytes


class Group(NamedTuple):
    """One line of group(5)."""

    name: bytes
    password: bytes
    gid: int
    members: Tuple[bytes, ...]


class Secret(NamedTuple):
    """One line of shadow(5). Days are days since 1970, None where the field is empty."""

    name: bytes
    password: bytes
    changed: Optional[int]
    expires: Optional[int]


class Odd(NamedTuple):
    """A line that is not as it should be. ``name`` never shows more than a plain account name: it may be a hash."""

    name: str
    reason: str


class Rows(NamedTuple):
    """The lines of one file: those that count, and the odd ones."""

    rows: List[List[bytes]]
    odd: List[Odd]
    foreign: List[str]
    """Entries (``+``, ``-``) that bring or take accounts of a directory service."""


def rows(data: bytes, *, fields: int, least: int) -> Rows:
    """Cut a file into fields. ``fields`` is how many a line has, ``least`` how many glibc is content with."""
    found = Rows([], [], [])
    for raw in data.split(b"\n"):
        line = raw.lstrip(b" \t")
        if not line or line.startswith(b"#"):
            continue
        cut = line.split(b":", fields - 1)
        if line[:1] in (b"+", b"-"):
            found.foreign.append(escape(cut[0][:80]))
            continue
        problem = _problem(raw, cut, fields=fields)
        if problem:
            found.odd.append(Odd(_shown(cut[0]), problem))
        if len(cut) >= least and cut[0]:
            found.rows.append(cut + [b""] * (fields - len(cut)))
    return found


def _problem(raw: bytes, cut: List[bytes], *, fields: int) -> str:
    if len(cut) != fields:
        return f"has {len(cut)} of {fields} fields"
    if b":" in cut[-1]:
        return f"has more than {fields} fields"
    if b"\0" in raw:
        return "holds a NUL byte"
    if raw[:1] in b" \t" or not _NAME.fullmatch(cut[0]):
        return "has a name that no tool would give"
    return ""


def _shown(name: bytes) -> str:
    return name.decode("ascii") if _NAME.fullmatch(name) else f"({len(name)} bytes)"


def number(text: bytes) -> Optional[int]:
    """A uid or gid as glibc reads it (strtoul, cut at 32 bits); None for what it refuses."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    digits = found[2].lstrip(b"0")
    value = int(digits or b"0") if len(digits) < 11 else _MOST + 1
    return value if value <= _MOST and (found[1] != b"-" or not value) else _MOST


def accounts(data: bytes) -> Tuple[List[Account], Rows]:
    """All accounts of passwd(5), in order."""
    table = rows(data, fields=7, least=4)
    found: List[Account] = []
    for row in table.rows:
        uid, gid = number(row[2]), number(row[3])
        if uid is None or gid is None:
            table.odd.append(Odd(_shown(row[0]), "has a uid or gid that is no number"))
            continue
        if not (row[2].isdigit() and row[3].isdigit()) or _MOST in (uid, gid):
            table.odd.append(Odd(_shown(row[0]), "writes its uid or gid in an unusual way"))
        found.append(Account(row[0], row[1], uid, gid, row[5], row[6]))
    return found, table


def groups(data: bytes) -> Tuple[List[Group], Rows]:
    """All groups of group(5), in order."""
    table = rows(data, fields=4, least=3)
    found: List[Group] = []
    for row in table.rows:
        gid = number(row[2])
        if gid is None:
            table.odd.append(Odd(_shown(row[0]), "has a gid that is no number"))
            continue
        members = tuple(name for name in (part.strip() for part in row[3].split(b",")) if name)
        found.append(Group(row[0], row[1], gid, members))
    return found, table


def secrets(data: bytes) -> Tuple[Dict[bytes, Secret], Rows]:
    """The lines of shadow(5) by name; of two the first counts."""
    table = rows(data, fields=9, least=2)
    found: Dict[bytes, Secret] = {}
    for row in table.rows:
        if row[0] in found:
            table.odd.append(Odd(_shown(row[0]), "stands twice"))
        found.setdefault(row[0], Secret(row[0], row[1], _day(row[2]), _day(row[7])))
    return found, table


def _day(text: bytes) -> Optional[int]:
    return int(text) if text.isdigit() and len(text) < 10 else None


def ranges(data: bytes) -> Iterator[Tuple[bytes, int, int]]:
    """Owner, first id and count of each line of subuid(5) or subgid(5); others are skipped, as shadow-utils does."""
    for line in data.split(b"\n"):
        cut = line.split(b":")
        if len(cut) == 3 and cut[0] and cut[1].isdigit() and cut[2].isdigit() and len(cut[1] + cut[2]) < 30:
            yield cut[0], int(cut[1]), int(cut[2])
