# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's side of shipping: what enters the outbox, and what acks are believed (docs/contracts.md section 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, FrozenSet, NamedTuple, Optional, Tuple

from . import outbox
from .config import Config
from .core import digest
from .core.clock import rfc3339
from .core.model import SEVERITIES, Alert, Severity
from .errors import StoreError
from .report import Identity, Report
from .store import Store

if TYPE_CHECKING:
    from .history import Entry as Acceptance

STUCK_SECONDS = 3600
ENTRY_MODE = 0o640
CLEARED_AT_ONCE = 1000
FORMER_WAIT = 24 * 3600
MANAGED_ELSEWHERE = frozenset({"no_baseline"})
"""True of every new host of a fleet: its controller says it once for all of them."""
LAST_SHIPPED = "last_shipped.json"


class Outlet(NamedTuple):
    """Where one run hands over what it has to say. ``now`` is seconds since the epoch."""

    store: Store
    config: Config
    identity: Identity
    now: int
    test: bool = False
    """Everything is marked as a test, and told whether or not there is a sink."""
    former: Optional[Config] = None
    """The configuration accepted last, where it tells other people: until the change is accepted they are told too."""

    def real(self, report: Report) -> Tuple[Alert, ...]:
        """The report's real alerts: at least ``min_severity`` and with something new to say."""
        least = min(SEVERITIES.index(each.notify.min_severity) for each in self._configurations())
        left = MANAGED_ELSEWHERE if self.config.managed else frozenset()
        events = [alert for _, alert in report.events if alert.code not in left and not _explained(alert)]
        return tuple(alert for alert in events if SEVERITIES.index(alert.severity) >= least)

    def tell_report(self, report: Report, *, diff: Any) -> FrozenSet[str]:
        """Hand over the report's real alerts; their ids."""
        alerts = self.real(report)
        if alerts and self._is_open():
            worst: Severity = max((alert.severity for alert in alerts), key=SEVERITIES.index)
            self._put(self._entry("alerts", worst, alerts=alerts, diff=diff, note=""))
            return frozenset(alert.id for alert in alerts)
        return frozenset()

    def tell_acceptance(self, entry: Acceptance) -> None:
        """An acceptance; its file sorts before anything it resolves."""
        severity: Severity = "critical" if entry.critical else "warning"
        if self._is_open():
            self._put(self._entry("acceptance", severity, alerts=(), diff=None, note=entry.sentence()))

    def _is_open(self) -> bool:
        """Whether anybody is told anything; a trial always is."""
        return self.test or any(_tells(each) for each in self._configurations())

    def _configurations(self) -> Tuple[Config, ...]:
        return (self.config, self.former) if self.former else (self.config,)

    def _entry(
        self, kind: outbox.Kind, severity: Severity, *, alerts: Tuple[Alert, ...], diff: Any, note: str
    ) -> outbox.Entry:
        said = [alert.id + alert.state + alert.last_seen for alert in alerts]
        key = digest.digest([self.identity.machine_id, kind, self.now, said, note]).split(":", 1)[1][:32]
        return outbox.Entry(
            id=key,
            host=self.identity.host,
            time=rfc3339(self.now),
            created=self.now,
            kind="test" if self.test else kind,
            severity=severity,
            alerts=alerts,
            diff=diff,
            note=note,
            former=self.former is not None and _tells(self.former),
        )

    def _put(self, entry: outbox.Entry) -> None:
        self.store.write(f"outbox/{outbox.file_name(entry)}", outbox.encode_entry(entry), mode=ENTRY_MODE)


def _explained(alert: Alert) -> bool:
    """Whether a package explains it, or another check tells the same better."""
    return alert.explanation == "package" or alert.explanation.startswith("check:")


def _tells(config: Config) -> bool:
    return bool(config.notify.sinks) and config.notify.delivery.mode != "controller"


def former_waits(store: Store, *, now: int) -> bool:
    """Whether a message of the last day still waits for the sinks of the configuration accepted last."""
    entries = (_entry(store, name) for name in store.names("outbox"))
    return any(entry.former and now - entry.created < FORMER_WAIT for entry in entries if entry is not None)


def absorb(store: Store, *, now: int) -> Tuple[str, ...]:
    """Clear away what the ship process says is done; the entries that were damaged, set aside now.

    The ship process is not trusted: a word about no entry moves none, and however many it leaves are removed
    a thousand a run.
    """
    damaged = []
    entries = store.names("outbox")
    for name in entries:
        entry = _entry(store, name)
        if entry is None:
            store.set_aside(f"outbox/{name}")
            damaged.append(f"outbox/{name}")
            continue
        ack = _ack(store, name)
        if ack is not None and ack.done and entry.id == ack.id:
            if ack.reason == "sent":
                store.write_json(LAST_SHIPPED, {"id": entry.id, "time": entry.time, "shipped": rfc3339(now)})
            store.remove(f"outbox/{name}")
            store.remove(f"acks/{name}")
    waiting = set(store.names("outbox"))
    for name in [name for name in store.names("acks") if name not in waiting][:CLEARED_AT_ONCE]:
        store.remove(f"acks/{name}")
    return tuple(damaged)


def oldest(store: Store) -> int:
    """When the oldest waiting message was made, seconds since the epoch; 0 when none waits."""
    return min(map(outbox.created, store.names("outbox")), default=0)


def last_shipped(store: Store) -> Optional[str]:
    """Time of the last report that was shipped, RFC 3339 UTC."""
    try:
        found = store.read_json(LAST_SHIPPED)
    except StoreError:
        return None
    return str(found["time"]) if isinstance(found, dict) and "time" in found else None


def _ack(store: Store, name: str) -> Optional[outbox.Ack]:
    try:
        return outbox.decode_ack(store.read_foreign(f"acks/{name}", limit=outbox.ACK_LIMIT), name=name)
    except StoreError:
        return None


def _entry(store: Store, name: str) -> Optional[outbox.Entry]:
    try:
        data = store.read(f"outbox/{name}")
        return None if data is None else outbox.decode_entry(data, name=name)
    except StoreError:
        return None
