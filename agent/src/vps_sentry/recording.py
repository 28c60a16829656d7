# SPDX-License-Identifier: GPL-3.0-or-later
"""A run's report onto the disk, in the order in which a power cut loses nothing: report, outbox, then cursors."""

from __future__ import annotations

from typing import Any, FrozenSet, Iterator, Tuple

from . import deliveries, memory, observations, report
from .config import ACCEPTED, LAST_GOOD
from .core import digest
from .core.clock import epoch
from .deliveries import Outlet
from .errors import StoreError
from .lifecycle import Advance, Record, reminder_due, untold
from .looking import Looked
from .setup import Setup
from .stamps import NextTick
from .store import BUSY, WINDOW
from .tick import heartbeat

LONGEST_QUIET = 24 * 3600
"""Even where nothing ever moves a full run is taken once a day."""
NEXT_TICK = 60
"""Seconds: sooner than the timer comes again."""
PUBLIC_MODE = 0o644


def write(setup: Setup, found: report.Report, *, looked: Looked, advanced: Advance, outlet: Outlet) -> None:
    """Write the whole run. Whatever is interrupted is told again by the next run, never forgotten."""
    store, before = setup.store, looked.before
    for name in before.damaged:
        store.set_aside(name)
    for name in found.cost.checks:
        observations.save(store, name, observation=found.observations[name])
    diff = report.diff(found.changes)
    store.write_document("last.json", report.last(found))
    store.write_json("diff.json", diff)
    store.write_document(
        "public/status.json", report.status(found, last_shipped=deliveries.last_shipped(store)), mode=PUBLIC_MODE
    )
    told = _tell(setup, found, outlet=outlet, diff=diff)
    _follow_configuration(setup, found)
    records = untold(advanced, told)
    memory.remember_alerts(store, records, run=found.run)
    roots = found.roots(before.roots)
    header = report.header(found, roots, prev=before.head, agent_digest=setup.agent_digest)
    position = memory.Position(digest.digest(header), found.baseline, roots)
    memory.remember_position(store, before, position=position, observations=found.observations)
    next_tick = NextTick(_due(setup, found, records=records), found.exit_code)
    fresh = {name: found.observations[name] for name in found.cost.checks}
    looked.stamps.write(setup, before, observations=fresh, next_tick=next_tick)
    store.remove(BUSY)
    line = heartbeat.line((setup.now, setup.uptime), run=found.run, code=found.exit_code, due=next_tick.due)
    try:
        heartbeat.write(str(store.path), line)
    except OSError as exc:
        raise StoreError(
            f"cannot write {store.path}/heartbeat: {exc.strerror}; make room or look at its rights"
        ) from exc


def _tell(setup: Setup, found: report.Report, *, outlet: Outlet, diff: Any) -> FrozenSet[str]:
    if not setup.store.glance(WINDOW):
        return outlet.tell_report(found, diff=diff)
    # Imported where there is a window: few runs have one, and a tick has to be cheap.
    from . import maintenance

    return maintenance.tell_report(setup, found, outlet=outlet, diff=diff)


def _follow_configuration(setup: Setup, found: report.Report) -> None:
    """Keep the configuration as accepted once its items are, and once whom the one before names has been told."""
    seen, accepted = found.observations.get("configuration"), found.baseline.checks.get("configuration")
    if seen is None or found.baseline.status != "accepted" or dict(seen.items) != accepted:
        return
    data = setup.store.glance(LAST_GOOD) or b"{}\n"
    if setup.store.glance(ACCEPTED) != data and not deliveries.former_waits(setup.store, now=setup.now):
        setup.store.write(ACCEPTED, data)


def _due(setup: Setup, found: report.Report, *, records: Tuple[Record, ...]) -> int:
    """When something happens by itself: an event's end, a reminder, an outbox that should have been emptied."""
    moments = [setup.now + (NEXT_TICK if found.unsettled else LONGEST_QUIET)]
    for record in records:
        if record.alert.state != "resolved":
            moments += [reminder_due(record, setup.config.remind_seconds)] if record.told and not record.silence else []
            moments += [record.silence.until] if record.silence and record.silence.until else []
            moments += [record.until] if record.until is not None else []
    moments += [epoch(entry.until) for entry in found.baseline.temporary]
    moments += _window_end(setup)
    waiting = deliveries.oldest(setup.store)
    if waiting:
        moments.append(waiting + deliveries.STUCK_SECONDS)
    # What lies in the past has been judged by this very run.
    return min(moment for moment in moments if moment > setup.now)


def _window_end(setup: Setup) -> Iterator[int]:
    if setup.store.glance(WINDOW):
        from . import maintenance

        window = maintenance.load(setup.store)
        if window is not None:
            yield window.until
