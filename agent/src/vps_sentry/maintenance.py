# SPDX-License-Identifier: GPL-3.0-or-later
"""A maintenance window: until it ends only what is critical is told; then all that happened is, in one list.

Nothing else changes: every run looks, judges and records as ever, alerts stand and count for the exit code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, Optional, Tuple

from . import history
from .core import codec
from .core.clock import rfc3339
from .core.model import Alert
from .core.units import duration
from .deliveries import Outlet
from .errors import ConfigError, StoreError
from .history import Entry
from .report import OPEN, Report
from .setup import Setup
from .store import WINDOW, Store

SCHEMA = 1
LONGEST = 24 * 3600
"""A window that is forgotten is over a day later at the latest."""
_KEPT = 1000
_NAMED = 20


@dataclass(frozen=True)
class Held:
    """An alert of which something was not told at once."""

    id: str
    title: str


@dataclass(frozen=True)
class Window:
    """Times are seconds since the epoch."""

    schema: int
    opened: int
    until: int
    by: str
    reason: str
    held: Tuple[Held, ...] = ()
    more: int = 0
    """Words about further alerts, which are not kept."""
    critical: int = 0
    """How many critical alerts were told meanwhile."""

    def __str__(self) -> str:
        held = f"{len(self.held) + self.more} alerts held back, {self.critical} critical ones told"
        return f"open until {rfc3339(self.until)}, by {self.by}: {self.reason}; {held}"

    def is_open(self, now: int) -> bool:
        """A clock that was put back before its beginning ends it, too."""
        return self.opened <= now < self.until


@dataclass(frozen=True)
class Request:
    """By whom, why, and for how many seconds."""

    by: str
    reason: str
    seconds: int


def length(text: str) -> int:
    """Seconds of a duration such as ``2h``. Raises ConfigError where it is no time, or more than a day."""
    try:
        seconds = duration(text)
    except ValueError as exc:
        raise ConfigError(f"--for: {exc}") from exc
    if not 0 < seconds <= LONGEST:
        raise ConfigError("--for: more than nothing, and 24h at most")
    return seconds


def load(store: Store) -> Optional[Window]:
    """The window on record, over or not. One that cannot be read counts as none: everything is told."""
    try:
        document = store.read_json(WINDOW)
        return None if document is None else codec.decode(Window, document)
    except (StoreError, codec.CodecError):
        return None


def begin(setup: Setup, outlet: Outlet, *, request: Request) -> Entry:
    """Open a window, or let the one that is open last as long as this one; on record and told before it counts."""
    with setup.store.lock():
        known = load(setup.store)
        until = setup.now + request.seconds
        fresh = Window(SCHEMA, setup.now, until, request.by, request.reason)
        if known is not None and known.is_open(setup.now):
            fresh = replace(known, until=until, by=request.by, reason=request.reason)
        text = f"only critical alerts are told at once: {request.reason}"
        entry = _entry(fresh, text, at=setup.now, until=rfc3339(until))
        _record(setup.store, entry, outlet)
        _save(setup.store, fresh)
    return entry


def finish(setup: Setup) -> Optional[Window]:
    """Let an open window end now; the next run tells what happened. None where none is open."""
    with setup.store.lock():
        known = load(setup.store)
        if known is None or not known.is_open(setup.now):
            return None
        _save(setup.store, replace(known, until=setup.now))
    return known


def tell_report(setup: Setup, found: Report, *, outlet: Outlet, diff: Any) -> FrozenSet[str]:
    """As ``Outlet.tell_report``: within a window only what is critical; after it the list, then whatever stands."""
    window = load(setup.store)
    if window is not None and window.is_open(setup.now):
        real = outlet.real(found)
        urgent = tuple((told, alert) for told, alert in found.events if alert.severity == "critical")
        _save(setup.store, _noted(window, real))
        return outlet.tell_report(found._replace(events=urgent), diff=diff)
    if window is not None:
        standing = frozenset(alert.id for alert in found.alerts if alert.state in OPEN)
        text = "; ".join(_list(window, setup.now, standing=standing))
        entry = _entry(window, text, at=setup.now, until="")
        _record(setup.store, entry, outlet)
    told = outlet.tell_report(found, diff=diff)
    setup.store.remove(WINDOW)
    return told


def _noted(window: Window, real: Iterable[Alert]) -> Window:
    known: Dict[str, Held] = {held.id: held for held in window.held}
    more, critical = window.more, window.critical
    for alert in real:
        if alert.severity == "critical":
            critical += 1
        elif alert.id in known or len(known) < _KEPT:
            known[alert.id] = Held(alert.id, alert.title)
        else:
            more += 1
    return replace(window, held=tuple(known.values()), more=more, critical=critical)


def _list(window: Window, now: int, *, standing: FrozenSet[str]) -> Iterator[str]:
    begun, ended = rfc3339(window.opened), rfc3339(min(window.until, now))
    yield f"over, it was open from {begun} to {ended} ({window.reason})"
    yield f"critical and told at once: {window.critical}, held back: {len(window.held) + window.more}"
    yield from _named("still so, told with the next message", [h.title for h in window.held if h.id in standing])
    yield from _named("no longer so", [h.title for h in window.held if h.id not in standing])
    if window.more:
        yield f"and {window.more} more, see last.json"


def _named(what: str, titles: List[str]) -> Iterator[str]:
    if titles:
        more = f" and {len(titles) - _NAMED} more" if len(titles) > _NAMED else ""
        yield f"{what}: {', '.join(titles[:_NAMED])}{more}"


def _entry(window: Window, text: str, *, at: int, until: str) -> Entry:
    return history.about_window(rfc3339(at), by=window.by, text=text, until=until)


def _record(store: Store, entry: Entry, outlet: Outlet) -> None:
    history.write(store, entry)
    outlet.tell_acceptance(entry)


def _save(store: Store, window: Window) -> None:
    store.write_json(WINDOW, codec.encode(window))
