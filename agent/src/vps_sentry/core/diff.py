# SPDX-License-Identifier: GPL-3.0-or-later
"""Baseline against snapshot: which items were added, removed or changed."""

from __future__ import annotations

from typing import Iterator, Mapping, Tuple

from .model import Change, Observation, Value

Items = Mapping[str, Value]


def diff_items(check: str, *, before: Items, after: Items, blind: Tuple[str, ...] = ()) -> Iterator[Change]:
    """The changes of one check, sorted by key. What is missing below a ``blind`` prefix is not said to be removed."""
    if before == after:
        return
    for key in sorted(set(before) | set(after)):
        old, new = before.get(key), after.get(key)
        if old is None:
            yield Change("added", check, key, None, new)
        elif new is None:
            if key.startswith(blind):
                continue
            yield Change("removed", check, key, old, None)
        elif old != new:
            yield Change("changed", check, key, old, new)


def diff(baseline: Mapping[str, Items], checks: Mapping[str, Observation]) -> Tuple[Change, ...]:
    """All changes of the checks that worked; a failed or skipped check says nothing about its items."""
    return tuple(
        change
        for name, seen in sorted(checks.items())
        if seen.status == "ok"
        for change in diff_items(name, before=baseline.get(name, {}), after=seen.items, blind=seen.blind)
    )
