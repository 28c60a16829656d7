# SPDX-License-Identifier: GPL-3.0-or-later
"""What the runs before this one left in the state directory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, Mapping, NamedTuple, Optional, Tuple

from .baseline import Baseline
from .baseline import load as load_baseline
from .core import codec
from .core.clock import epoch
from .core.model import Observation
from .errors import StoreError
from .lifecycle import Record
from .store import Store
from .tick import heartbeat

ALERTS, CURSORS, LOGINS = "alerts.json", "cursors.json", "logins.json"
SCHEMA = 1
_LOST_TICKS = 1000
"""More than quiet ticks can end between two full runs, which are a day apart at most."""
_LEDGER = "logins"
"""The part of a check's memory that is kept in ``logins.json`` instead of ``cursors.json``."""


class Memory(NamedTuple):
    """Everything a run starts from. ``run`` is the number of the last run, ``head`` the digest of its header."""

    baseline: Baseline
    records: Tuple[Record, ...] = ()
    run: int = 0
    head: Optional[str] = None
    prev: Optional[str] = None
    """The digest of the header before that one."""
    roots: Mapping[str, str] = {}
    """Check -> root digest of its last observation, as it lies on the disk."""
    checks: Mapping[str, Mapping[str, Any]] = {}
    statuses: Mapping[str, str] = {}
    last_run: int = 0
    last_up: int = 0
    """Seconds since boot at the last run, 0 where that is not known; a boot ago it may be more than now."""
    """When the last run ended, seconds since the epoch; 0 when that is not known."""
    unfinished: int = 0
    """When the run before began, if it never ended."""
    damaged: Mapping[str, str] = {}
    """State file that could not be used -> why; the run that replaces it keeps it aside."""
    noted: FrozenSet[str] = frozenset()
    """What the last quiet tick saw for the first time (``tick.NOTED``)."""


@dataclass(frozen=True)
class _Alerts:
    schema: int
    records: Tuple[Record, ...]
    run: int = 0


@dataclass(frozen=True)
class _Cursors:
    schema: int
    run: int
    head: Optional[str]
    prev: Optional[str]
    sequence: int
    statuses: Dict[str, str]
    checks: Dict[str, Dict[str, Any]]
    roots: Dict[str, str] = field(default_factory=dict)
    seal: str = ""


@dataclass(frozen=True)
class _Logins:
    schema: int
    checks: Dict[str, Any]
    run: int = 0


def recall(store: Store) -> Memory:
    """Read it all, change nothing. A damaged file is named, never taken for an empty one."""
    damaged: Dict[str, str] = {}
    alerts = _read(store, ALERTS, _Alerts, damaged) or _Alerts(SCHEMA, ())
    cursors = _read(store, CURSORS, _Cursors, damaged)
    logins = _read(store, LOGINS, _Logins, damaged) or _Logins(SCHEMA, {})
    last_run, last_up = _last_run(store)
    (run, noted), sequence = heartbeat_of(store), cursors.sequence if cursors else 0
    known = max(alerts.run, cursors.run if cursors else 0, logins.run)
    checks = {name: dict(memory) for name, memory in cursors.checks.items()} if cursors else {}
    for name, ledger in logins.checks.items():
        checks.setdefault(name, {})[_LEDGER] = ledger
    return Memory(
        baseline=load_baseline(store, last_sequence=sequence, seal=cursors.seal if cursors else ""),
        records=alerts.records,
        # How many quiet ticks ended since is known by the heartbeat alone; a number must never come twice.
        run=max(run, known) if run or not known else known + _LOST_TICKS,
        head=cursors.head if cursors else None,
        prev=cursors.prev if cursors else None,
        roots=cursors.roots if cursors else {},
        checks=checks,
        statuses=cursors.statuses if cursors else {},
        last_run=last_run,
        last_up=last_up,
        damaged=damaged,
        noted=noted,
    )


def _read(store: Store, name: str, kind: Any, damaged: Dict[str, str]) -> Any:
    try:
        document = store.read_json(name)
        return None if document is None else codec.decode(kind, document)
    except (StoreError, codec.CodecError) as exc:
        damaged[name] = str(exc)
        return None


def heartbeat_of(store: Store) -> Tuple[int, FrozenSet[str]]:
    """Run number and notes of the last heartbeat line; 0 when there is none or it is cut off."""
    try:
        line = store.read("heartbeat") or b""
        return heartbeat.run_of(line), heartbeat.noted_of(line)
    except (ValueError, StoreError):
        return 0, frozenset()


def _last_run(store: Store) -> Tuple[int, int]:
    """Seconds since the epoch and since boot at the last run; zeros where there was none."""
    try:
        line = store.read("heartbeat") or b""
        return epoch(line[:20].decode("ascii", "replace")), heartbeat.up_of(line)
    except (ValueError, StoreError):
        return 0, 0


def remember_alerts(store: Store, records: Tuple[Record, ...], *, run: int) -> None:
    """Write ``alerts.json`` in the run of that number; resolved ones have been told and are forgotten."""
    standing = tuple(record for record in records if record.alert.state != "resolved")
    store.write_json(ALERTS, codec.encode(_Alerts(SCHEMA, standing, run)))


class Position(NamedTuple):
    """Where a run ended: the digest of its header, the baseline it held against, the roots of what was seen."""

    head: str
    baseline: Baseline
    roots: Mapping[str, str]


def remember_position(
    store: Store, before: Memory, *, position: Position, observations: Mapping[str, Observation]
) -> None:
    """Write ``logins.json`` and ``cursors.json``: the last thing a run does, after its report is on disk."""
    checks = {name: dict(memory) for name, memory in before.checks.items()}
    for name, observation in observations.items():
        if observation.memory is not None:
            checks[name] = dict(observation.memory)
    ledgers = {name: memory.pop(_LEDGER) for name, memory in checks.items() if _LEDGER in memory}
    statuses: Dict[str, str] = {name: observation.status for name, observation in observations.items()}
    store.write_json(LOGINS, codec.encode(_Logins(SCHEMA, ledgers, before.run + 1)))
    cursors = _Cursors(
        schema=SCHEMA,
        run=before.run + 1,
        head=position.head,
        prev=before.head,
        sequence=max(position.baseline.sequence, before.baseline.sequence),
        statuses=statuses,
        checks=checks,
        roots=dict(position.roots),
        seal=position.baseline.seal,
    )
    store.write_json(CURSORS, codec.encode(cursors))
