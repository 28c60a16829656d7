# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd's patterns: users, groups, addresses; what a log line cannot tell is None, neither yes nor no.

As in match.c, addrmatch.c and servconf.c (match_cfg_line) of OpenSSH. Host names need a resolver and the local
address is not in the log, so whatever depends on them stays open.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import FrozenSet, Iterable, NamedTuple, Optional, Sequence

from ..sshlog.addresses import within

_ADDRESSES = re.compile(r"[0-9A-Fa-f:.*?/!,%]*")


class Who(NamedTuple):
    """Whose login is judged."""

    user: str
    address: Optional[str] = None
    uid: Optional[int] = None
    groups: Optional[FrozenSet[str]] = None
    """None when they are not known for certain."""


@lru_cache(maxsize=256)
def _expression(pattern: str) -> re.Pattern[str]:
    # Only * and ? are special to sshd: a bracket is a bracket.
    return re.compile("".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern), re.DOTALL)


def pattern(text: str, wanted: str) -> bool:
    """One pattern of ``*`` and ``?``."""
    return _expression(wanted).fullmatch(text) is not None


def patterns(text: str, wanted: str) -> int:
    """A list with commas: 1 when it names ``text``, -1 when it excludes it (``!``), else 0."""
    found = 0
    for entry in wanted.split(","):
        if entry.startswith("!"):
            if pattern(text, entry[1:]):
                return -1
        elif pattern(text, entry):
            found = 1
    return found


def address(text: str, wanted: str) -> int:
    """A list of addresses, networks and patterns, as ``patterns``."""
    found = 0
    for entry in wanted.split(","):
        bare = entry.lstrip("!")
        # "any" is our word for everywhere, not sshd's.
        if not ((bare != "any" and within(text, bare)) or pattern(text, bare)):
            continue
        if entry.startswith("!"):
            return -1
        found = 1
    return found


def holds(condition: Sequence[str], who: Who) -> Optional[bool]:
    """Whether all criteria of a ``Match`` line hold."""
    answers = [_criterion(name, value, who=who) for name, value in _pairs(condition)]
    if False in answers:
        return False
    return None if None in answers else True


def _pairs(condition: Sequence[str]) -> Iterable[Sequence[str]]:
    flat = [part for word in condition for part in word.split("=", 1)]
    if flat and flat[0].lower() in ("all", "canonical", "final"):
        return ((flat[0].lower(), ""),)
    return [(flat[at].lower(), flat[at + 1]) for at in range(0, len(flat) - 1, 2)] or (("", ""),)


def _criterion(name: str, value: str, *, who: Who) -> Optional[bool]:
    if name == "all":
        return True
    if name == "user":
        return patterns(who.user, value) > 0
    if name == "group":
        return None if who.groups is None else _groups(who.groups, value)
    if name == "address":
        return None if who.address is None else address(who.address, value) > 0
    return None


def _groups(groups: FrozenSet[str], value: str) -> bool:
    answers = [patterns(group, value) for group in groups]
    return min(answers, default=0) >= 0 and max(answers, default=0) > 0


def named(entry: str, who: Who) -> Optional[bool]:
    """Whether an entry of AllowUsers or DenyUsers (``USER`` or ``USER@HOST``) names somebody."""
    user, at, host = entry.rpartition("@")
    if not at:
        return pattern(who.user, entry)
    if not pattern(who.user, user):
        return False
    if who.address is not None:
        found = address(who.address, host)
        if found:
            return found > 0
        if _ADDRESSES.fullmatch(host):
            return False
    return None
