# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole story of a run: observe, diff, judge, record, hand over to be shipped."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Optional, Tuple

from . import deliveries, judge, keeping, memory, recording, verdict
from .core.clock import rfc3339
from .core.diff import diff
from .core.model import Change
from .deliveries import Outlet
from .errors import StoreError
from .looking import Looked, look
from .memory import Memory
from .observe import max_rss_kib
from .report import Cost, Identity, Report, read_last
from .setup import Setup

if TYPE_CHECKING:
    from .accept import Outcome, Request


class Result(NamedTuple):
    """A run's report and, when one was asked for, what became of the acceptance."""

    report: Report
    outcome: Optional[Outcome] = None


def run_once(setup: Setup, request: Optional[Request] = None) -> Result:
    """One run under the state lock. Raises StoreError, BusyError, CollectError, MovedError."""
    identity = Identity(setup.host.name(), setup.host.machine_id(), setup.version)
    outlet = Outlet(setup.store, setup.config, identity, setup.now, setup.test, setup.former)
    with setup.store.lock(), setup.store.running() as unfinished:
        lost = deliveries.absorb(setup.store, now=setup.now)
        keeping.tidy(setup.store, now=setup.now)
        before = _told_again(_of_this_machine(memory.recall(setup.store), identity), lost)
        before = before._replace(unfinished=unfinished)
        outcome = None
        # Imported where something was accepted: few runs are, and a tick has to be cheap.
        if before.baseline.temporary:
            from . import acceptance

            before = acceptance.expire(setup, before, outlet=outlet)
        looked = look(setup, before, everything=request is not None)
        if request is not None:
            from . import accept, acceptance

            outcome, looked = acceptance.carry_out(setup, looked, request=request, outlet=outlet)
            if outcome.kind not in accept.MOVED:
                return Result(_report(setup, looked, identity=identity, outcome=outcome), outcome)
        report = _report(setup, looked, identity=identity, outcome=outcome)
        advanced = verdict.reach(setup, looked, changes=report.changes, outcome=outcome)
        report = report._replace(alerts=advanced.alerts, events=advanced.events)
        recording.write(setup, report, looked=looked, advanced=advanced, outlet=outlet)
        return Result(report, outcome)


def _of_this_machine(before: Memory, identity: Identity) -> Memory:
    """A baseline of another machine (a clone) counts as none."""
    baseline = before.baseline
    if baseline.status != "accepted" or baseline.machine_id == identity.machine_id:
        return before
    problem = f"the state directory was cloned from machine {baseline.machine_id}"
    return before._replace(baseline=replace(baseline, status="none", problem=problem, checks={}))


def _told_again(before: Memory, lost: Tuple[str, ...]) -> Memory:
    """Which alerts a damaged message held is not known, so all that stand are told once more."""
    if not lost:
        return before
    damaged = {**before.damaged, **dict.fromkeys(lost, "a message to be shipped was damaged")}
    return before._replace(damaged=damaged, records=tuple(replace(r, told=0) for r in before.records))


def _report(setup: Setup, looked: Looked, *, identity: Identity, outcome: Optional[Outcome]) -> Report:
    baseline = outcome.baseline if outcome else looked.before.baseline
    found = diff(baseline.checks, looked.checks) if baseline.status == "accepted" else ()
    changes: Tuple[Change, ...] = judge.settled(found, looked.starting, vouchers=looked.vouchers)
    return Report(
        identity=identity,
        time=rfc3339(setup.now),
        run=looked.before.run + 1,
        baseline=baseline,
        observations=looked.checks,
        changes=changes,
        unsettled=len(found) - len(changes),
        alerts=(),
        events=(),
        cost=_cost(looked),
        config_invalid=bool(setup.config_error),
        bypassed_at=_bypassed_at(setup, looked),
    )


def _bypassed_at(setup: Setup, looked: Looked) -> Optional[str]:
    if setup.scheduled and looked.stamps.bypassed:
        return rfc3339(setup.now)
    try:
        return read_last(setup.store).stamps_bypassed_at
    except StoreError:
        # There was no run yet, or its report is damaged and written anew by this one.
        return None


def _cost(looked: Looked) -> Cost:
    known = {
        name: looked.before.checks.get(name, {}) if seen.memory is None else seen.memory
        for name, seen in looked.checks.items()
    }
    hashed = sum(int(known[name].get("bytes_hashed", 0)) for name in looked.observed.cost)
    ages = [int(memory["oldest_hash_age"]) for memory in known.values() if "oldest_hash_age" in memory]
    return Cost(
        cpu_milliseconds=round(time.process_time() * 1000),
        max_rss_kib=max_rss_kib(),
        bytes_hashed=hashed,
        checks=looked.observed.cost,
        oldest_hash_age=max(ages, default=None),
    )
