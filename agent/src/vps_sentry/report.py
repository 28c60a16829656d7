# SPDX-License-Identifier: GPL-3.0-or-later
"""What one run found, and the documents made of it: ``last.json``, ``diff.json``, ``public/status.json``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from .baseline import Baseline
from .core import codec, digest
from .core.model import Alert, Change, Observation, Severity
from .errors import StoreError
from .lifecycle import Told
from .store import Store

SCHEMA = 1
DIFF_SHOWN = 5000
OPEN = ("open", "changed")
EXIT_OK, EXIT_INTERNAL, EXIT_USAGE, EXIT_ALERTS, EXIT_FAILED, EXIT_MOVED = 0, 1, 2, 3, 4, 5


class Cost(NamedTuple):
    """What the run took: CPU seconds as milliseconds, peak memory in KiB."""

    cpu_milliseconds: int
    max_rss_kib: int
    bytes_hashed: int
    checks: Mapping[str, int]
    """CPU milliseconds by check; one that did not have to look is absent."""
    oldest_hash_age: Optional[int] = None
    """Seconds of uptime since the watched content read longest ago was read, as of the last look; None: none is."""


class Identity(NamedTuple):
    """Who reports."""

    host: str
    machine_id: str
    version: str


class Report(NamedTuple):
    """One run. ``time`` is RFC 3339 UTC, ``run`` counts runs, ``events`` are the alerts with something to say."""

    identity: Identity
    time: str
    run: int
    baseline: Baseline
    observations: Mapping[str, Observation]
    changes: Tuple[Change, ...]
    unsettled: int
    """Changes left out because the machine has just booted; the next tick looks again."""
    alerts: Tuple[Alert, ...]
    events: Tuple[Tuple[Told, Alert], ...]
    cost: Cost
    config_invalid: bool = False
    bypassed_at: Optional[str] = None
    """When a run last ignored all stamps, this one included."""

    @property
    def exit_code(self) -> int:
        """docs/contracts.md section 2: usage or configuration, then alerts, then failed checks."""
        if self.config_invalid:
            return EXIT_USAGE
        if any(stands(alert) and alert.severity != "info" for alert in self.alerts):
            return EXIT_ALERTS
        if any(observation.status == "failed" for observation in self.observations.values()):
            return EXIT_FAILED
        return EXIT_OK

    def roots(self, known: Mapping[str, str]) -> Dict[str, str]:
        """The root digest of each check that worked; ``known`` are those of the last observations on disk."""
        looked = self.cost.checks
        return {
            name: known[name] if name in known and name not in looked else digest.buckets_of(seen.items).root
            for name, seen in self.observations.items()
            if seen.status == "ok"
        }


@dataclass(frozen=True)
class Last:
    """``last.json`` as it is read back."""

    schema: int
    host: str
    machine_id: str
    time: str
    version: str
    baseline: Dict[str, Any]
    checks: Dict[str, Dict[str, Any]]
    alerts: Tuple[Alert, ...]
    cost: Dict[str, Any]
    stamps_bypassed_at: Optional[str]


def read_last(store: Store) -> Last:
    """The last recorded run. Raises StoreError when there is none or the file is damaged."""
    document = store.read_document("last.json")
    if document is None:
        raise StoreError(f"{store.path} holds no run yet; take one with: sudo vps-sentry")
    try:
        return codec.decode(Last, document)
    except codec.CodecError as exc:
        raise StoreError(f"{store.path / 'last.json'} is damaged: {exc}; run vps-sentry to write it anew") from exc


def last(report: Report) -> Dict[str, Any]:
    """The content of ``last.json``."""
    return {
        "schema": SCHEMA,
        "host": report.identity.host,
        "machine_id": report.identity.machine_id,
        "time": report.time,
        "version": report.identity.version,
        "baseline": baseline_summary(report.baseline),
        "checks": {name: _check(report, name) for name in sorted(report.observations)},
        "alerts": [codec.encode(alert) for alert in report.alerts],
        "cost": {
            "cpu_seconds": _seconds(report.cost.cpu_milliseconds),
            "max_rss_kib": report.cost.max_rss_kib,
            "bytes_hashed": report.cost.bytes_hashed,
            "oldest_hash_age": report.cost.oldest_hash_age,
        },
        "stamps_bypassed_at": report.bypassed_at,
    }


def baseline_summary(baseline: Baseline) -> Dict[str, Any]:
    """Status, digest, sequence, time and person of the accepted baseline."""
    return {
        "status": baseline.status,
        "digest": baseline.digest,
        "sequence": baseline.sequence,
        "accepted_at": baseline.accepted_at,
        "accepted_by": baseline.accepted_by,
    }


def _check(report: Report, name: str) -> Dict[str, Any]:
    observation = report.observations[name]
    return {
        "status": observation.status,
        "items": len(observation.items),
        "error": observation.error,
        "seconds": _seconds(report.cost.checks.get(name, 0)),
    }


def _seconds(milliseconds: int) -> float:
    return milliseconds / 1000


def diff(changes: Tuple[Change, ...]) -> Dict[str, Any]:
    """The content of ``diff.json``: the first 5,000 changes and an exact count of the rest."""
    shown = [change_document(change) for change in changes[:DIFF_SHOWN]]
    return {"schema": SCHEMA, "changes": shown, "more": max(0, len(changes) - DIFF_SHOWN)}


def change_document(change: Change) -> Dict[str, Any]:
    """One change as JSON values, its differing fields named."""
    return {**codec.encode(change), "fields": list(change.fields())}


def status(report: Report, *, last_shipped: Optional[str]) -> Dict[str, Any]:
    """The content of ``public/status.json``: counts only, nothing a local user could learn from."""
    return {
        "schema": SCHEMA,
        "host": report.identity.host,
        "time": report.time,
        "version": report.identity.version,
        "baseline": {"status": report.baseline.status, "sequence": report.baseline.sequence},
        "checks": {name: observation.status for name, observation in sorted(report.observations.items())},
        "open": open_counts(report.alerts),
        "last_shipped": last_shipped,
    }


def open_counts(alerts: Tuple[Alert, ...]) -> Dict[Severity, int]:
    """How many alerts stand, by severity; acknowledged ones are counted nowhere."""
    severities: Tuple[Severity, ...] = ("critical", "warning", "info")
    return {s: sum(stands(alert) and alert.severity == s for alert in alerts) for s in severities}


def stands(alert: Alert) -> bool:
    """Whether it wants somebody's attention: open, and acknowledged by nobody."""
    return alert.state in OPEN and alert.explanation != "waiver"


def header(
    report: Report, roots: Mapping[str, str], *, prev: Optional[str], agent_digest: Optional[str]
) -> Dict[str, Any]:
    """What the chain of runs is made of: each header holds the digest of the one before."""
    return {
        "schema": SCHEMA,
        "norm": digest.NORM,
        "machine_id": report.identity.machine_id,
        "time": report.time,
        "run": report.run,
        "prev": prev,
        "agent_digest": agent_digest,
        "baseline": report.baseline.digest,
        "snapshot": digest.total(roots),
    }
