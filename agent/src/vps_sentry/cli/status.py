# SPDX-License-Identifier: GPL-3.0-or-later
"""``status``: all that is known without a new look, for a person or, as JSON, for a program."""

from __future__ import annotations

import argparse
import re
import time
from dataclasses import dataclass
from typing import Any, Dict, Iterator, Optional, Tuple

from .. import deliveries, maintenance, memory
from .. import report as report_room
from ..core import canonical, codec
from ..core.clock import epoch, rfc3339
from ..core.model import Alert
from ..errors import ConfigError, StoreError
from ..lifecycle import Silence
from ..report import EXIT_OK, OPEN
from ..ship import PULSE
from ..store import Store
from .output import print_json, print_lines
from .setup import load_config
from .text import count, visible

_PULSE_LIMIT = 4096
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


@dataclass(frozen=True)
class Known:
    """What the state directory and the configuration say now. ``now`` is seconds since the epoch."""

    last: report_room.Last
    remembered: memory.Memory
    beat: str
    """The heartbeat line of the last tick, quiet or not."""
    now: int
    waiting: int
    """Messages in the outbox."""
    shipped: Optional[str]
    pulse: Optional[Dict[str, Any]]
    """What came of the last sign of life: ``time`` and ``error``."""
    expected_logins: Tuple[Dict[str, Any], ...]
    window: Optional[maintenance.Window]
    """The maintenance window that is open."""
    problem: str
    """Why the configuration could not be read."""

    def silence(self, alert: Alert) -> Optional[Silence]:
        """Who acknowledged an alert, and until when."""
        found = {record.alert.id: record.silence for record in self.remembered.records}
        return found.get(alert.id)

    @property
    def due(self) -> Optional[int]:
        """When the next full look is due at the latest."""
        found = re.search(r" due=([0-9]{1,11})(?![0-9])", self.beat)
        return int(found[1]) if found else None


def status(options: argparse.Namespace) -> int:
    """The last full run merged with the heartbeat of the quiet ticks since; exit code of the last tick."""
    known = _gather(options)
    if options.format == "json":
        print_json(document(known))
    else:
        print_lines(visible(line) for line in lines(known))
    found = re.search(r" exit=([0-9]) ", known.beat)
    return int(found[1]) if found else EXIT_OK


def _gather(options: argparse.Namespace) -> Known:
    store = Store(options.state_dir)
    last = report_room.read_last(store)
    logins, problem = _expected_logins(options.config)
    return Known(
        last=last,
        remembered=memory.recall(store),
        beat=(store.read("heartbeat") or b"").decode("ascii", "replace").strip(),
        now=int(time.time()),
        waiting=len(store.names("outbox")),
        shipped=deliveries.last_shipped(store),
        pulse=_pulse(store),
        expected_logins=logins,
        window=_window(store),
        problem=problem,
    )


def _window(store: Store) -> Optional[maintenance.Window]:
    found = maintenance.load(store)
    return found if found is not None and found.is_open(int(time.time())) else None


def _expected_logins(path: str) -> Tuple[Tuple[Dict[str, Any], ...], str]:
    try:
        options = load_config(path).checks["ssh_auth"]
    except ConfigError as exc:
        return (), str(exc)
    return tuple(codec.encode(login) for login in options.expected_logins), ""


def _pulse(store: Store) -> Optional[Dict[str, Any]]:
    """Another user writes it, so it is believed only where it has the right shape."""
    try:
        found = canonical.loads(store.read_foreign(PULSE, limit=_PULSE_LIMIT))
        return {"time": rfc3339(int(found["time"])), "error": str(found["error"])}
    except (StoreError, canonical.CanonicalError, ValueError, TypeError, KeyError, OverflowError, OSError):
        return None


def document(known: Known) -> Dict[str, Any]:
    """``last.json`` with what else is known; keys are added in later releases, none is renamed."""
    acknowledged = {
        alert.id: codec.encode(known.silence(alert)) for alert in known.last.alerts if known.silence(alert) is not None
    }
    return {
        **codec.encode(known.last),
        "acknowledged": acknowledged,
        "expected_logins": list(known.expected_logins),
        "heartbeat": known.beat,
        "last_shipped": known.shipped,
        "next_due": rfc3339(known.due) if known.due else None,
        "outbox": known.waiting,
        "sign_of_life": known.pulse,
        "temporary": codec.encode(known.remembered.baseline.temporary),
        "window": None if known.window is None else codec.encode(known.window),
    }


def lines(known: Known) -> Iterator[str]:
    """The same for a person."""
    last = known.last
    yield f"vps-sentry {last.version} on {last.host}, last full run {last.time} ({since(last.time, known.now)} ago)"
    yield from _baseline(known)
    yield f"last tick {known.beat.partition(' due=')[0] or 'unknown'}"
    yield f"next full look {rfc3339(known.due)} at the latest" if known.due else "next full look at the next tick"
    if known.window:
        yield f"maintenance window: {known.window}"
    yield ""
    yield from _alerts(known)
    for name, check in sorted(last.checks.items()):
        seen = count(check["items"]) if check["status"] == "ok" else check["status"]
        yield f"{name:<14}{seen}{': ' if check['error'] else ''}{check['error'] or ''}"
    oldest = last.cost.get("oldest_hash_age")
    if oldest is not None:
        yield f"every watched content was read within the last {age(0, int(oldest))} of uptime"
    for login in known.expected_logins:
        until = f", until {login['expires']}" if login["expires"] else ""
        yield f"expected login: {login['user']} from {login['from']}, key {login['key'] or 'any'}{until}"
    if known.problem:
        yield f"configuration: {known.problem}"
    yield from _delivery(known)


def _baseline(known: Known) -> Iterator[str]:
    found, kept = known.last.baseline, known.remembered.baseline
    accepted = f"baseline #{found['sequence']}, accepted {found['accepted_at']} by {found['accepted_by']}"
    words = {"accepted": accepted, "none": "no baseline accepted yet", "lost": "baseline IS LOST"}
    yield words.get(found["status"], "baseline unknown")
    for entry in kept.temporary:
        why = f": {entry.reason}" if entry.reason else ""
        items = f"{len(entry.items)} item{'' if len(entry.items) == 1 else 's'}"
        yield f"  {items} of #{entry.sequence} only until {entry.until}, by {entry.by}{why}"


def _alerts(known: Known) -> Iterator[str]:
    standing = [alert for alert in known.last.alerts if alert.state in OPEN]
    for alert in standing:
        silence = known.silence(alert)
        place = f"{alert.state} for {since(alert.first_seen, known.now)}; {alert.code} {alert.id}"
        if silence is None:
            yield f"{alert.severity.upper():<10}{alert.title}"
            yield f"{'':<10}{place}"
        else:
            until = f"until {rfc3339(silence.until)}" if silence.until else "until it changes or ends"
            yield f"{'silenced':<10}{alert.title}"
            yield f"{'':<10}{place}; {until}, by {silence.by}: {silence.reason}"
    for alert in known.last.alerts:
        if alert.state == "resolved":
            yield f"{'resolved':<10}{alert.title}"
    if known.last.alerts:
        yield ""


def _delivery(known: Known) -> Iterator[str]:
    shipped = f", last shipped: the report of {known.shipped}" if known.shipped else ""
    yield f"{known.waiting} message{'' if known.waiting == 1 else 's'} waiting to be shipped{shipped}"
    if known.pulse:
        yield f"sign of life {known.pulse['time']}: {known.pulse['error'] or 'given'}"


def since(moment: str, now: int) -> str:
    """How long ago an RFC 3339 time was; the state is shown even where one of its times is none."""
    try:
        return age(epoch(moment), now)
    except ValueError:
        return "an unknown time"


def age(begin: int, now: int) -> str:
    """The time between two moments in its largest whole unit: ``42 s``, ``5 min``, ``3 h``, ``12 d``."""
    seconds = max(0, now - begin)
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
