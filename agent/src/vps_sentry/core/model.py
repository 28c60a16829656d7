# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the project as frozen types: item, observation, snapshot, change, signal, alert."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, List, Literal, Mapping, Optional, Tuple, Union

Severity = Literal["info", "warning", "critical"]
Status = Literal["ok", "failed", "skipped"]
BaselineStatus = Literal["none", "accepted", "lost"]
State = Literal["open", "changed", "resolved"]
ChangeKind = Literal["added", "removed", "changed"]
Field = Union[None, bool, int, str, List[str], List[Dict[str, str]]]
Value = Dict[str, Field]
"""An item's value: named fields, nothing volatile (no time, pid, inode, cost, count)."""

SEVERITIES: Tuple[Severity, ...] = ("info", "warning", "critical")


class Strict:
    """Base of every type that crosses the border: the controller's validator forbids unknown keys too."""

    __pydantic_config__ = {"extra": "forbid", "strict": True}


@dataclass(frozen=True)
class Signal:
    """An event that has no baseline. Times are seconds since the epoch."""

    code: str
    key: str
    severity: Severity
    title: str
    detail: str
    seen: int
    until: int
    """The alert resolves by itself at this time if no further event extends it."""


@dataclass(frozen=True)
class Voucher:
    """What the package manager says of one change of another check, or of its own."""

    check: str
    key: str
    value: str
    """Digest of the very value that is vouched for; of ``null`` where the item is gone."""
    package: str
    """Key of the package's item in the check ``packages``."""
    kind: Literal["explained", "brought", "pending"]
    """``explained``: an upgrade from a signed source did it. ``brought``: the package did, which is news by itself.
    ``pending``: the package manager is at work, and nothing is said until it is done."""
    word: str = ""
    """How the change is named where explained ones are only counted; empty where counting is enough."""


@dataclass(frozen=True)
class Observation:
    """What one check saw. ``failed`` and ``skipped`` always carry the reason in ``error``."""

    status: Status
    items: Mapping[str, Value] = field(default_factory=dict)
    error: Optional[str] = None
    signals: Tuple[Signal, ...] = ()
    blind: Tuple[str, ...] = ()
    """Key prefixes below which it could not look: an item missing there is not known to be gone."""
    unwatched: FrozenSet[str] = frozenset()
    """Accepted keys that it no longer looks at, by the choice of what is watched: an item missing there is no news."""
    begun: FrozenSet[str] = frozenset()
    """Keys in places that were not watched when the baseline was accepted: one piece of news, all of them together."""
    learnable: Mapping[str, Value] = field(default_factory=dict)
    """Facts an acceptance would make known (first logins); never part of a baseline."""
    memory: Optional[Dict[str, Any]] = None
    """The check's private JSON (a log cursor, say), kept for its next run once the report is on disk."""
    cache: Optional[bytes] = None
    """The check's private index that only saves work; losing it costs time, never truth."""
    vouchers: Tuple[Voucher, ...] = ()
    """What this check says of changes, its own or those of the checks it looks after."""


@dataclass(frozen=True)
class Change:
    """The difference between baseline and snapshot in one item."""

    change: ChangeKind
    check: str
    key: str
    before: Optional[Value]
    after: Optional[Value]

    def fields(self) -> Tuple[str, ...]:
        """Names of the fields that differ, sorted."""
        before, after = self.before or {}, self.after or {}
        names = sorted(set(before) | set(after))
        return tuple(name for name in names if before.get(name) != after.get(name))


@dataclass(frozen=True)
class Rating:
    """How a check judges one change."""

    code: str
    severity: Severity
    title: str


@dataclass(frozen=True)
class Code:
    """What an alert code stands for, for the person who reads it."""

    about: str
    """What happened, and why it matters."""
    technique: str
    """The MITRE ATT&CK technique it may be a sign of, such as ``T1098.004``; empty where it is none."""
    action: str
    """What to do about it."""
    event: bool = False
    """Something that happened, or a trouble of the agent's own: no item changed, so there is nothing to accept."""
    lasts: bool = False
    """Something that is so: the next look of its check that does not say it any more ends it, whatever its time."""


@dataclass(frozen=True)
class Alert(Strict):
    """What a person should look at. ``first_seen`` and ``last_seen`` are RFC 3339 UTC."""

    id: str
    code: str
    severity: Severity
    state: State
    check: str
    key: str
    title: str
    detail: str
    before: Optional[Value]
    after: Optional[Value]
    explanation: str
    first_seen: str
    last_seen: str
