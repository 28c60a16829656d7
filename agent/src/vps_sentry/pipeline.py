# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole story of a run: observe, diff, judge, record, hand over to be shipped."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any, Dict, Iterator, List, Optional, Tuple

from . import accept as accept_room
from . import deliveries, findings, history, memory, observations, recording
from .accept import Outcome, Request, Situation
from .checks import Context
from .core import diff
from .core.clock import rfc3339
from .core.model import Change, Observation
from .judge import Finding, judge_changes, judge_signals, judge_status
from .lifecycle import Advance, Moment, advance
from .memory import Memory
from .observe import Observed, max_rss_kib, observe
from .report import Cost, Identity, Report
from .setup import Setup
from .stamps import Stamps


@dataclass(frozen=True)
class Result:
    """A run's report and, when one was asked for, what became of the acceptance."""

    report: Report
    outcome: Optional[Outcome] = None


@dataclass(frozen=True)
class _Seen:
    """What a run has in hand once it has looked."""

    before: Memory
    observed: Observed
    stamps: Stamps
    outcome: Optional[Outcome] = None
    extra: Tuple[Finding, ...] = field(default=())


def run_once(setup: Setup, request: Optional[Request] = None) -> Result:
    """One run under the state lock. Raises StoreError, BusyError, CollectError, MovedError."""
    identity = Identity(setup.host.name(), setup.host.machine_id(), setup.version)
    with setup.store.lock():
        before = _for_this_machine(memory.recall(setup.store), identity)
        deliveries.absorb(setup.store, now=setup.now)
        seen = _look(setup, before, everything=request is not None)
        if request is not None:
            seen = _accept(setup, seen, request, identity)
            if seen.outcome is not None and seen.outcome.kind != "accepted":
                return Result(_report(setup, seen, identity, ()), seen.outcome)
        changes = _changes(seen)
        report = _report(setup, seen, identity, changes)
        advanced = _judge(setup, seen, changes)
        report = replace(report, alerts=advanced.alerts, events=advanced.events)
        recording.write(setup, report, before=before, advanced=advanced, stamps=seen.stamps)
        return Result(report, seen.outcome)


def _for_this_machine(before: Memory, identity: Identity) -> Memory:
    """A baseline of another machine (a clone) counts as none."""
    baseline = before.baseline
    if baseline.status != "accepted" or baseline.machine_id == identity.machine_id:
        return before
    problem = f"the state directory was cloned from machine {baseline.machine_id}"
    return replace(before, baseline=replace(baseline, status="none", problem=problem, checks={}))


def _look(setup: Setup, before: Memory, *, everything: bool) -> _Seen:
    stamps = Stamps.take(setup, before)
    moved = set(setup.checks) if everything or not setup.scheduled else stamps.moved
    found = observe(
        {name: check for name, check in setup.checks.items() if name in moved},
        {name: _context(setup, before, name) for name in moved},
    )
    stored = {name: observations.load(setup.store, name) for name in setup.checks if name not in moved}
    again = [name for name, observation in stored.items() if observation is None]
    late = observe({n: setup.checks[n] for n in again}, {n: _context(setup, before, n) for n in again})
    kept = {name: observation for name, observation in stored.items() if observation is not None}
    checks = {**kept, **found.checks, **late.checks}
    return _Seen(before, Observed(checks, {**found.cost, **late.cost}), stamps)


def _context(setup: Setup, before: Memory, name: str) -> Context:
    return Context(
        host=setup.host,
        options=setup.config.checks[name],
        now=setup.now,
        memory=before.checks.get(name, {}),
        cache=setup.store.read(observations.cache_name(name)) or b"",
        full=setup.full,
        accepted=before.baseline.status == "lost" or name in before.baseline.checks,
    )


def _accept(setup: Setup, seen: _Seen, request: Request, identity: Identity) -> _Seen:
    """Carry out the request on exactly what was seen in this run."""
    situation = Situation(identity.machine_id, seen.before.baseline, seen.observed.checks, setup.now)
    outcome = accept_room.decide(setup.store, situation, request=request)
    if outcome.kind == "accepted":
        accept_room.commit(setup.store, outcome)
        seen = replace(seen, observed=replace(seen.observed, checks=_learn(setup, seen, outcome, request)))
    if not request.dry_run:
        critical = tuple(f"{c.check} {c.key}" for c in outcome.proposal.changes if _critical(setup, c))
        entry = history.entry_of(outcome, by=request.by, reason=request.reason, now=setup.now, critical=critical)
        history.write(setup.store, entry)
        deliveries.tell_acceptance(setup.store, setup.config, identity=identity, entry=entry, now=setup.now)
    return replace(seen, outcome=outcome)


def _critical(setup: Setup, change: Change) -> bool:
    return setup.checks[change.check].rate(change, setup.config.checks[change.check]).severity == "critical"


def _learn(setup: Setup, seen: _Seen, outcome: Outcome, request: Request) -> Dict[str, Observation]:
    """Observations whose check now knows the accepted facts."""
    keys = accept_room.learnt(outcome.proposal, seen.observed.checks)
    found = dict(seen.observed.checks)
    for name, observation in found.items():
        learn = setup.checks[name].learn
        if learn is not None and observation.status == "ok" and accept_room.covers(request.only, name):
            base = observation.memory if observation.memory is not None else seen.before.checks.get(name, {})
            found[name] = replace(observation, memory=learn(base, keys.get(name, ()), setup.now), learnable={})
    return found


def _changes(seen: _Seen) -> Tuple[Change, ...]:
    baseline = seen.outcome.baseline if seen.outcome else seen.before.baseline
    if baseline.status != "accepted":
        return ()
    return diff.diff(baseline.checks, seen.observed.checks)


def _report(setup: Setup, seen: _Seen, identity: Identity, changes: Tuple[Change, ...]) -> Report:
    return Report(
        identity=identity,
        time=rfc3339(setup.now),
        run=seen.before.run + 1,
        baseline=seen.outcome.baseline if seen.outcome else seen.before.baseline,
        observations=seen.observed.checks,
        changes=changes,
        alerts=(),
        events=(),
        cost=Cost(round(time.process_time() * 1000), max_rss_kib(), seen.observed.cost),
        config_invalid=bool(setup.config_error),
        bypassed=setup.scheduled and seen.stamps.bypassed,
    )


def _judge(setup: Setup, seen: _Seen, changes: Tuple[Change, ...]) -> Advance:
    """Findings of this run against the alerts of the one before."""
    names = {change.check for change in changes}
    rate = {name: _rater(setup, name) for name in names}
    found: List[Finding] = list(judge_changes(changes, rate))
    found += _judge_checks(seen)
    found += _judge_footing(setup, seen)
    looked = seen.observed.checks.items()
    moment = Moment(
        now=setup.now,
        remind_after=setup.config.remind_seconds,
        silent=frozenset(name for name, observation in looked if observation.status != "ok"),
        accepted=seen.outcome.accepted_keys() if seen.outcome else {},
        acceptance=_acceptance_name(seen.outcome),
    )
    return advance(seen.before.records, found, moment=moment)


def _rater(setup: Setup, name: str) -> Any:
    return lambda change: setup.checks[name].rate(change, setup.config.checks[name])


def _judge_checks(seen: _Seen) -> Iterator[Finding]:
    alerted = {record.alert.key for record in seen.before.records if record.alert.code == "check_failed"}
    for name, observation in seen.observed.checks.items():
        worked = seen.before.statuses.get(name) == "ok" or name in alerted
        yield from judge_status(name, observation, worked_before=worked)
        yield from judge_signals(name, observation.signals)


def _judge_footing(setup: Setup, seen: _Seen) -> Iterator[Finding]:
    baseline = seen.outcome.baseline if seen.outcome else seen.before.baseline
    yield from findings.about_baseline(baseline, seen.observed.checks)
    yield from findings.about_state(seen.before.damaged, now=setup.now)
    yield from findings.about_configuration(setup.config_error)
    yield from findings.about_busy(setup.store.busy(), now=setup.now)
    oldest = deliveries.oldest(setup.store)
    yield from findings.about_deliveries(oldest, now=setup.now, limit=deliveries.STUCK_SECONDS)


def _acceptance_name(outcome: Optional[Outcome]) -> str:
    return f"#{outcome.baseline.sequence} by {outcome.baseline.accepted_by}" if outcome else ""
