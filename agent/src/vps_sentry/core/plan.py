# SPDX-License-Identifier: GPL-3.0-or-later
"""What an acceptance would trust, item by item (docs/contracts.md section 3)."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from . import codec, digest
from .diff import Items, diff_items
from .model import Change, Observation

SCHEMA = 1
PlanItem = Tuple[str, str, Optional[str], Optional[str]]
"""Check, key, digest of the accepted value, digest of the value to accept; None = absent."""


@dataclass(frozen=True)
class Plan:
    """Digests only: its own digest is its name."""

    schema: int
    machine_id: str
    sequence: int
    """Of the baseline the plan starts from; 0 = none."""
    expires: Optional[str]
    items: Tuple[PlanItem, ...]
    not_checked: Tuple[str, ...]

    @property
    def name(self) -> str:
        """The plan's digest."""
        return digest.digest(codec.encode(self))


def changes(baseline: Mapping[str, Items], checks: Mapping[str, Observation], *, only: Tuple[str, ...]) -> List[Change]:
    """What accepting would change, learnable facts included, restricted to ``CHECK[:KEYGLOB]`` selectors."""
    found: List[Change] = []
    for name in sorted(checks):
        observation = checks[name]
        if observation.status == "ok":
            found += diff_items(name, before=baseline.get(name, {}), after=observation.items, blind=observation.blind)
            found += diff_items(name, before={}, after=observation.learnable)
    return [change for change in found if selected(change.check, change.key, only=only)]


def selected(check: str, key: str, *, only: Tuple[str, ...]) -> bool:
    """Whether an item is meant by one of the selectors; no selector means everything."""
    if not only:
        return True
    parts = (entry.partition(":") for entry in only)
    return any(name == check and (not colon or fnmatch.fnmatchcase(key, glob)) for name, colon, glob in parts)


def unmatched(only: Tuple[str, ...], *, baseline: Mapping[str, Items], checks: Mapping[str, Observation]) -> List[str]:
    """The selectors with a key glob that mean no item at all, accepted, seen or learnable."""
    missing = []
    for entry in only:
        check, colon, _ = entry.partition(":")
        seen = checks.get(check)
        keys = {*baseline.get(check, {}), *(seen.items if seen else ()), *(seen.learnable if seen else ())}
        if colon and not any(selected(check, key, only=(entry,)) for key in keys):
            missing.append(entry)
    return missing


def item_of(change: Change) -> PlanItem:
    """The plan's line for one change."""
    return change.check, change.key, _digest(change.before), _digest(change.after)


def _digest(value: Any) -> Optional[str]:
    return None if value is None else digest.digest(value)


def not_checked(checks: Mapping[str, Observation]) -> Tuple[str, ...]:
    """Checks whose old accepted items stay as they are, because they could not be looked at."""
    return tuple(name for name in sorted(checks) if checks[name].status != "ok")


def moved(plan: Plan, *, baseline: Mapping[str, Items], checks: Mapping[str, Observation]) -> Iterator[str]:
    """The plan's own items that no longer have the planned value; what moved elsewhere does not matter."""
    for check, key, before, after in plan.items:
        observation = checks.get(check)
        if observation is None or observation.status != "ok":
            yield f"{check} could not be checked"
            continue
        here = observation.items.get(key, observation.learnable.get(key))
        if _digest(here) != after or _digest(baseline.get(check, {}).get(key)) != before:
            yield f"{check} {key}"


def apply(baseline: Mapping[str, Items], accepted: List[Change]) -> Dict[str, Dict[str, Any]]:
    """The accepted items after the changes; learnable facts are not items and must be left out by the caller."""
    result = {check: dict(items) for check, items in baseline.items()}
    for change in accepted:
        items = result.setdefault(change.check, {})
        if change.after is None:
            items.pop(change.key, None)
        else:
            items[change.key] = change.after
    return result
