# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings -> alerts with a life: told once, again when they change, once when they end. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, FrozenSet, Iterable, List, Literal, Mapping, NamedTuple, Optional, Tuple

from .core import digest
from .core.clock import rfc3339
from .core.model import Alert
from .judge import Finding

WARNING_REMINDER_FACTOR = 7
"""Criticals are repeated after ``remind_after``, warnings seven times as seldom."""


@dataclass(frozen=True)
class Silence:
    """An acknowledgement: nothing is trusted, but nothing is told until the alert changes or the time is over."""

    at: str
    by: str
    reason: str
    until: Optional[int] = None
    """Seconds since the epoch; None = as long as the alert stands unchanged."""


@dataclass(frozen=True)
class Record:
    """An alert and what is needed to tell it exactly once; the content of ``alerts.json``."""

    alert: Alert
    fingerprint: str
    """Digest of what the finding says, to notice that it says something else."""
    told: int
    """Seconds since the epoch of the last time it was handed to the outbox; 0 = never."""
    until: Optional[int] = None
    silence: Optional[Silence] = None


class Moment(NamedTuple):
    """The circumstances of one run."""

    now: int
    remind_after: int
    silent: FrozenSet[str] = frozenset()
    """Checks that could not look: their alerts stay as they were."""
    accepted: Mapping[str, FrozenSet[str]] = {}
    """Check -> keys accepted in this very run."""
    acceptance: str = ""
    """How the acceptance of this run is named, such as ``#3 by alice``."""
    asked: FrozenSet[Tuple[str, str]] = frozenset()
    """Check and code of what a look of this run would have said again if it still were so."""


Told = Literal["opened", "changed", "resolved", "reminder"]


class Advance(NamedTuple):
    """The alerts after this run, and those that have something to say now."""

    records: Tuple[Record, ...]
    events: Tuple[Tuple[Told, Alert], ...]

    @property
    def alerts(self) -> Tuple[Alert, ...]:
        """All alerts of this run, those that resolved in it included, most severe first."""
        return tuple(sorted((record.alert for record in self.records), key=rank))


def rank(alert: Alert) -> Tuple[int, str, str]:
    """Sort key: most severe first."""
    return ("critical", "warning", "info").index(alert.severity), alert.check, alert.key


def identity(finding: Finding) -> str:
    """The alert's stable id: never of the value, so that a moved value is the same alert."""
    return digest.digest([finding.code, finding.check, finding.key]).split(":", 1)[1][:16]


def advance(previous: Iterable[Record], findings: Iterable[Finding], *, moment: Moment) -> Advance:
    """The alerts of the run before and the findings of this one -> the alerts now."""
    old = {record.alert.id: _awake(record, moment.now) for record in previous if record.alert.state != "resolved"}
    new: Dict[str, Finding] = {identity(finding): finding for finding in findings}
    records = []
    events: List[Tuple[Told, Alert]] = []
    for key, finding in new.items():
        record, event = _stand(key, finding, old.get(key), moment)
        records.append(record)
        events += [(event, record.alert)] if event else []
    successors = _successors(new.values())
    for key, record in old.items():
        if key not in new:
            kept, event = _fade(record, moment, successors)
            records.append(kept)
            events += [(event, kept.alert)] if event else []
    return Advance(tuple(records), tuple(sorted(events, key=lambda entry: rank(entry[1]))))


def _awake(record: Record, now: int) -> Record:
    """The record without a silence that is over: what it kept back is told as if it were new."""
    silence = record.silence
    if silence is None or silence.until is None or silence.until > now:
        return record
    return replace(record, alert=replace(record.alert, explanation="none"), silence=None, told=0)


def silenced(record: Record, silence: Silence) -> Record:
    """The record of an alert that somebody acknowledged."""
    return replace(record, alert=replace(record.alert, explanation="waiver"), silence=silence)


def _stand(key: str, finding: Finding, old: Optional[Record], moment: Moment) -> Tuple[Record, Optional[Told]]:
    fingerprint = _fingerprint(finding)
    fresh = _alert(key, finding, moment.now)
    if old is None:
        return Record(fresh, fingerprint, moment.now, finding.until), "opened"
    alert = replace(fresh, first_seen=old.alert.first_seen, state=old.alert.state)
    if fingerprint != old.fingerprint:
        return Record(replace(alert, state="changed"), fingerprint, moment.now, finding.until), "changed"
    if old.silence:
        return silenced(Record(alert, fingerprint, old.told, finding.until), old.silence), None
    if not old.told:
        return Record(alert, fingerprint, moment.now, finding.until), "opened"
    if reminder_due(old, moment.remind_after) <= moment.now:
        return Record(alert, fingerprint, moment.now, finding.until), "reminder"
    return Record(alert, fingerprint, old.told, finding.until), None


def _successors(findings: Iterable[Finding]) -> Dict[Tuple[str, str], str]:
    """Under which code the item of (check, key) is told now; a key ending in ``/`` is a former group's directory."""
    found: Dict[Tuple[str, str], str] = {}
    for finding in findings:
        found.setdefault((finding.check, finding.key.rpartition("/")[0] + "/"), finding.code)
        for member in finding.members:
            found[finding.check, member] = f"{finding.code} of {finding.key}"
    found.update({(finding.check, finding.key): finding.code for finding in findings})
    return found


def _fade(record: Record, moment: Moment, successors: Mapping[Tuple[str, str], str]) -> Tuple[Record, Optional[Told]]:
    """An alert without a finding in this run: still standing, resolved, or told under another code now."""
    alert = record.alert
    accepted = _was_accepted(alert, moment)
    if not accepted:
        over = (alert.check, alert.code) in moment.asked
        if record.until is not None and record.until > moment.now and not over:
            return (record, None) if record.told or record.silence else (replace(record, told=moment.now), "opened")
        if record.until is None and alert.check in moment.silent:
            return record, None
    grouped = alert.before is None and alert.after is None
    place = (alert.check, f"{alert.key}/") if grouped else (alert.check, alert.key)
    successor = successors.get(place) or successors.get((alert.check, alert.key), "")
    gone = f"resolved: told as {successor} now" if successor else "resolved: gone"
    detail = f"resolved by acceptance {moment.acceptance}" if accepted else gone
    explanation = "accepted" if accepted else alert.explanation
    ended = replace(alert, state="resolved", detail=detail, explanation=explanation, last_seen=rfc3339(moment.now))
    # What was never told has no end to tell.
    return replace(record, alert=ended), "resolved" if record.told else None


def _was_accepted(alert: Alert, moment: Moment) -> bool:
    """Whether this run accepted the alert's item, or, for a grouped alert, items of its directory."""
    keys = moment.accepted.get(alert.check, frozenset())
    return alert.key in keys or any(key.startswith(alert.key + "/") for key in keys)


def reminder_due(record: Record, remind_after: int) -> int:
    """When a standing alert is told again, seconds since the epoch."""
    factor = 1 if record.alert.severity == "critical" else WARNING_REMINDER_FACTOR
    return record.told + remind_after * factor


def untold(advance: Advance, told: FrozenSet[str]) -> Tuple[Record, ...]:
    """The records to keep when of this run's events only the alerts ``told`` reached the outbox."""
    lost = {alert.id for _, alert in advance.events} - told
    return tuple(replace(record, told=0) if record.alert.id in lost else record for record in advance.records)


def _fingerprint(finding: Finding) -> str:
    # An event that goes on (until is set) says more every minute; only a new severity is news.
    said = [finding.severity] if finding.until is not None else [finding.severity, finding.before, finding.after]
    return digest.digest([*said, finding.title if finding.until is None else "", finding.content])


def _alert(key: str, finding: Finding, now: int) -> Alert:
    return Alert(
        id=key,
        code=finding.code,
        severity=finding.severity,
        state="open",
        check=finding.check,
        key=finding.key,
        title=finding.title,
        detail=finding.detail,
        before=finding.before,
        after=finding.after,
        explanation=finding.explanation,
        first_seen=rfc3339(now),
        last_seen=rfc3339(now),
    )
