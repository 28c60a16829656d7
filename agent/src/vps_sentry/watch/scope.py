# SPDX-License-Identifier: GPL-3.0-or-later
"""What a list of watches covers, kept as text: which accepted items are watched no more, and which only since then.

Homes are no part of it: they come and go with accounts, and what appears or vanishes there is news.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from ..core.canonical import unescape
from ..tick import tree
from . import defaults, patterns
from .entries import Target, Watch, target
from .patterns import Pattern

Written = Dict[str, List[Any]]
"""``{"watch": [[path, recursive, [exclude, ...], depth], ...], "exclude": [path, ...]}``."""


class Scope(NamedTuple):
    """Watches and what is left out of all of them."""

    targets: Tuple[Target, ...]
    excluded: Tuple[Pattern, ...]

    def covers(self, key: str) -> bool:
        """Whether the item ``key`` is looked at where it is there."""
        path = unescape(key)
        if any(patterns.covers(pattern, path) for pattern in self.excluded):
            return False
        return any(_covers(entry, path) for entry in self.targets)


def written(watches: Iterable[Watch], exclude: Iterable[str]) -> Written:
    """A list of watches as JSON values."""
    rows = [[watch.path, watch.recursive, list(watch.exclude), watch.depth] for watch in watches]
    return {"watch": rows, "exclude": list(exclude)}


def read(document: Written) -> Optional[Scope]:
    """The reverse of ``written``; None for what it did not write, such as a list of another release."""
    try:
        watches = [
            Watch(path, recursive, tuple(left_out), depth) for path, recursive, left_out, depth in document["watch"]
        ]
        return Scope(tuple(map(target, watches)), tuple(map(patterns.exclusion, document["exclude"])))
    except (KeyError, TypeError, ValueError):
        return None


def unwatched(accepted: Iterable[str], now: Written) -> FrozenSet[str]:
    """Those of the ``accepted`` keys that are not looked at by the choice of what is watched."""
    scope = read(now)
    return frozenset(key for key in accepted if scope and not _in_a_home(key) and not scope.covers(key))


def begun(keys: Iterable[str], now: Written, *, before: Written) -> FrozenSet[str]:
    """Those of the ``keys`` that ``now`` covers and ``before`` did not."""
    old, new = read(before), read(now)
    return frozenset(key for key in keys if old and new and new.covers(key) and not old.covers(key))


def _covers(entry: Target, path: bytes) -> bool:
    if not path.startswith(entry.base) or any(patterns.covers(pattern, path) for pattern in entry.excluded):
        return False
    names = path[len(entry.base) :].split(b"/")
    first = len(entry.components)
    return len(names) - first <= entry.depth and tree.reaches(entry.components, names[:first])


def _in_a_home(key: str) -> bool:
    return defaults.of_an_account(unescape(key))


def accepted(memory: Mapping[str, Any], now: Written) -> Written:
    """The list under which the accepted items were seen, as an earlier look left it."""
    found: Written = memory.get("scope", now)
    return found
