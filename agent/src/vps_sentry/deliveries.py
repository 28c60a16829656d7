# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's side of shipping: what enters the outbox, and what acks are believed (docs/contracts.md section 8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Optional, Tuple

from . import outbox
from .config import Config
from .core import digest
from .core.clock import rfc3339
from .core.model import SEVERITIES, Alert, Severity
from .errors import StoreError
from .history import Entry as Acceptance
from .report import Identity, Report
from .store import Store

STUCK_SECONDS = 3600
ENTRY_MODE = 0o640
ACK_LIMIT = 64 * 1024
LAST_SHIPPED = "last_shipped.json"


@dataclass(frozen=True)
class _Message:
    kind: outbox.Kind
    severity: Severity
    alerts: Tuple[Alert, ...]
    diff: Any
    note: str = ""


def tell_report(store: Store, config: Config, *, report: Report, diff: Any, now: int) -> None:
    """Hand the report's real alerts to the outbox: at least ``min_severity`` and with something new to say."""
    alerts = tuple(alert for _, alert in report.events if _loud_enough(alert, config))
    if alerts:
        severity: Severity = max((alert.severity for alert in alerts), key=SEVERITIES.index)
        _put(store, config, report.identity, message=_Message("alerts", severity, alerts, diff), now=now)


def tell_acceptance(store: Store, config: Config, *, identity: Identity, entry: Acceptance, now: int) -> None:
    """Hand an acceptance to the outbox; its file sorts before anything it resolves."""
    severity: Severity = "critical" if entry.critical else "warning"
    message = _Message("acceptance", severity, (), None, entry.sentence())
    _put(store, config, identity, message=message, now=now)


def _loud_enough(alert: Alert, config: Config) -> bool:
    return SEVERITIES.index(alert.severity) >= SEVERITIES.index(config.notify.min_severity)


def _put(store: Store, config: Config, identity: Identity, *, message: _Message, now: int) -> None:
    if not config.notify.sinks or config.notify.delivery.mode == "controller":
        return
    said = [alert.id + alert.state + alert.last_seen for alert in message.alerts]
    key = digest.digest([identity.machine_id, message.kind, now, said, message.note]).split(":", 1)[1][:32]
    entry = outbox.Entry(
        id=key,
        host=identity.host,
        time=rfc3339(now),
        created=now,
        kind=message.kind,
        severity=message.severity,
        alerts=message.alerts,
        diff=message.diff,
        note=message.note,
    )
    store.write(f"outbox/{outbox.file_name(entry)}", outbox.encode_entry(entry), mode=ENTRY_MODE)


def absorb(store: Store, *, now: int) -> None:
    """Clear away what the ship process says is done. It is not trusted: a word about no entry moves none."""
    for name in store.names("acks"):
        ack = _ack(store, name)
        entry = _entry(store, name)
        if ack is not None and ack.done and entry is not None and entry.id == ack.id:
            if ack.reason == "sent":
                store.write_json(LAST_SHIPPED, {"id": entry.id, "time": entry.time, "shipped": rfc3339(now)})
            store.remove(f"outbox/{name}")
        if ack is None or ack.done or entry is None:
            store.remove(f"acks/{name}")
    for name in store.names("outbox"):
        if _entry(store, name) is None:
            store.set_aside(f"outbox/{name}")


def oldest(store: Store) -> int:
    """When the oldest waiting message was made, seconds since the epoch; 0 when none waits."""
    entries = (_entry(store, name) for name in store.names("outbox"))
    waiting: List[int] = [entry.created for entry in entries if entry is not None]
    return min(waiting, default=0)


def last_shipped(store: Store) -> Optional[str]:
    """Time of the last report that was shipped, RFC 3339 UTC."""
    try:
        found = store.read_json(LAST_SHIPPED)
    except StoreError:
        return None
    return str(found["time"]) if isinstance(found, dict) and "time" in found else None


def _ack(store: Store, name: str) -> Optional[outbox.Ack]:
    try:
        return outbox.decode_ack(store.read_foreign(f"acks/{name}", limit=ACK_LIMIT), name=name)
    except StoreError:
        return None


def _entry(store: Store, name: str) -> Optional[outbox.Entry]:
    try:
        data = store.read(f"outbox/{name}")
        return None if data is None else outbox.decode_entry(data, name=name)
    except StoreError:
        return None
