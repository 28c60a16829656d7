# SPDX-License-Identifier: GPL-3.0-or-later
"""``ack``: one alert is silenced without trusting anything; it is on record and told before it counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

from . import history, memory
from .core.clock import rfc3339
from .deliveries import Outlet
from .errors import ConfigError
from .history import Entry
from .lifecycle import Record, Silence, silenced
from .report import OPEN, Identity
from .setup import Setup


@dataclass(frozen=True)
class Request:
    """Which alert, by whom, why, and for how many seconds; 0 = until it changes or ends."""

    id: str
    by: str
    reason: str
    seconds: int = 0


def acknowledge(setup: Setup, request: Request) -> Entry:
    """Silence the alert. Raises ConfigError when no alert, or more than one, is meant; StoreError, BusyError."""
    identity = Identity(setup.host.name(), setup.host.machine_id(), setup.version)
    outlet = Outlet(setup.store, setup.config, identity, setup.now, setup.test, setup.former)
    with setup.store.lock():
        before = memory.recall(setup.store)
        meant = find(before.records, request.id)
        until = setup.now + request.seconds if request.seconds else None
        silence = Silence(rfc3339(setup.now), request.by, request.reason, until)
        entry = history.acknowledgement(meant.alert, silence, sequence=before.baseline.sequence)
        history.write(setup.store, entry)
        outlet.tell_acceptance(entry)
        records = tuple(silenced(record, silence) if record is meant else record for record in before.records)
        memory.remember_alerts(setup.store, records, run=before.run)
    return entry


def find(records: Tuple[Record, ...], prefix: str) -> Record:
    """The one standing alert whose id begins with ``prefix``."""
    standing = [record for record in records if record.alert.state in OPEN]
    found = [record for record in standing if record.alert.id.startswith(prefix)] if prefix else []
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"{record.alert.id} ({record.alert.code} {record.alert.key})" for record in found[:5])
        raise ConfigError(f"{prefix!r} means {len(found)} alerts: {names}; give more of the id")
    raise ConfigError(f"no open alert has an id that begins with {prefix!r}; see: vps-sentry status")
