# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes and signals -> findings: what a person should look at. Pure: no I/O, no clock."""

from __future__ import annotations

from collections import defaultdict
from typing import Callable, Dict, FrozenSet, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from .core import digest
from .core.model import Change, Observation, Rating, Severity, Signal, Value, Voucher

GROUP_ABOVE = 20
SHOWN_OF_GROUP = 10
Rate = Callable[[Change], Rating]


class Finding(NamedTuple):
    """An alert without its history. ``until`` (seconds since the epoch) is set for events that end by themselves."""

    code: str
    severity: Severity
    check: str
    key: str
    title: str
    detail: str
    before: Optional[Value] = None
    after: Optional[Value] = None
    until: Optional[int] = None
    members: Tuple[str, ...] = ()
    """Keys of the items a grouped finding stands for."""
    content: str = ""
    """Digest over what those items are now, so that a later change of one of them is news."""
    explanation: str = "none"
    """``package``, or ``check:NAME`` where that check tells it: then nobody else is told."""


def settled(
    changes: Iterable[Change], starting: Mapping[str, FrozenSet[str]], *, vouchers: Iterable[Voucher] = ()
) -> Tuple[Change, ...]:
    """The changes that count. ``starting``: check -> keys the look before saw, of checks that settle after a boot.

    What such a check misses may still be starting, unless it was missing before as well; what is there counts at once.
    Nor counts what is said to be ``pending``, exactly as it is now.
    """
    none: FrozenSet[str] = frozenset()
    pending = {(v.check, v.key, v.value) for v in vouchers if v.kind == "pending"}
    counting = (c for c in changes if c.change != "removed" or c.key not in starting.get(c.check, none))
    if not pending:
        return tuple(counting)
    return tuple(c for c in counting if (c.check, c.key, digest.digest(c.after)) not in pending)


def judge_changes(changes: Iterable[Change], rate: Rate) -> Iterator[Finding]:
    """One finding per change; more than 20 alike in one directory become one, criticals never."""
    groups: Dict[Tuple[str, str, str], List[Tuple[Change, Rating]]] = defaultdict(list)
    for change in changes:
        rating = rate(change)
        place = change.key if rating.severity == "critical" else _directory(change)
        groups[change.check, rating.code, place].append((change, rating))
    for (check, code, place), members in groups.items():
        if len(members) > GROUP_ABOVE and members[0][1].severity != "critical":
            yield _group(check, code, place, members)
        else:
            yield from (_single(change, rating) for change, rating in members)


def _directory(change: Change) -> str:
    return change.key.rpartition("/")[0] or change.check


def _single(change: Change, rating: Rating) -> Finding:
    fields = ", ".join(change.fields())
    detail = f"{change.change}: {fields}" if change.change == "changed" else change.change
    return Finding(
        code=rating.code,
        severity=rating.severity,
        check=change.check,
        key=change.key,
        title=rating.title,
        detail=detail,
        before=change.before,
        after=change.after,
    )


def _group(check: str, code: str, place: str, members: List[Tuple[Change, Rating]]) -> Finding:
    severity: Severity = "warning" if any(rating.severity == "warning" for _, rating in members) else "info"
    names = [change.key for change, _ in members]
    more = len(names) - SHOWN_OF_GROUP
    return Finding(
        code=code,
        severity=severity,
        check=check,
        key=place,
        title=f"{len(names)} changes of one kind ({code.replace('_', ' ')}) in {place}",
        detail=f"{', '.join(names[:SHOWN_OF_GROUP])} and {more} more; all of them: vps-sentry baseline diff",
        members=tuple(names),
        content=digest.digest([[change.key, change.change, change.after] for change, _ in members]),
    )


def judge_signals(check: str, signals: Iterable[Signal]) -> Iterator[Finding]:
    """One finding per signal."""
    for signal in signals:
        yield Finding(
            code=signal.code,
            severity=signal.severity,
            check=check,
            key=signal.key,
            title=signal.title,
            detail=signal.detail,
            until=signal.until,
        )


def judge_status(name: str, observation: Observation, *, worked_before: bool) -> Iterator[Finding]:
    """A check that worked and now fails is a finding; one that never worked is the exit code's business."""
    if observation.status == "failed" and worked_before:
        reason = observation.error or "no reason given"
        yield Finding("check_failed", "warning", name, name, f"check {name} could not look", reason)
