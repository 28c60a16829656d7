# SPDX-License-Identifier: GPL-3.0-or-later
"""The acceptance that is part of a run: carried out, on record, told; and the end of one for a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Tuple

from . import accept, expiry, history, orders
from .accept import MOVED, Outcome, Request, Situation
from .core.model import Observation
from .deliveries import Outlet
from .looking import Looked
from .memory import Memory
from .setup import Setup


def expire(setup: Setup, before: Memory, *, outlet: Outlet) -> Memory:
    """What was accepted for a time gives way before anything is compared; its end is told like an acceptance."""
    outcome = expiry.expire(before.baseline, now=setup.now)
    if outcome is None:
        return before
    reason = outcome.baseline.reason
    _conclude(setup, outcome, request=Request(by="vps-sentry", reason=reason), outlet=outlet)
    return before._replace(baseline=outcome.baseline)


def carry_out(setup: Setup, looked: Looked, *, request: Request, outlet: Outlet) -> Tuple[Outcome, Looked]:
    """Carry out the request on exactly what was seen in this run; it is on record before it counts.

    Also the observations, whose checks know then what was accepted.
    """
    situation = Situation(outlet.identity.machine_id, looked.before.baseline, looked.checks, setup.now)
    if request.order is not None:
        outcome = orders.decide(setup.store, situation, request=request, order=request.order)
    else:
        outcome = accept.decide(setup.store, situation, request=request)
    if not request.dry_run:
        _conclude(setup, outcome, request=request, outlet=outlet)
    if outcome.kind == "accepted":
        looked = _learn(setup, looked, outcome=outcome, only=request.only)
    return outcome, looked


def _conclude(setup: Setup, outcome: Outcome, *, request: Request, outlet: Outlet) -> None:
    rated = ((change, setup.rate(change)) for change in outcome.proposal.changes if change.check in setup.checks)
    critical = tuple(f"{change.check} {change.key}" for change, rating in rated if rating.severity == "critical")
    entry = history.entry_of(outcome, by=request.by, reason=request.reason, now=setup.now, critical=critical)
    history.write(setup.store, entry)
    outlet.tell_acceptance(entry)
    if outcome.kind in MOVED:
        accept.commit(setup.store, outcome)


def _learn(setup: Setup, looked: Looked, *, outcome: Outcome, only: Tuple[str, ...]) -> Looked:
    """The observations, their checks knowing the accepted facts."""
    keys = accept.learnt(outcome.proposal, looked.checks)
    found: Dict[str, Observation] = dict(looked.checks)
    for name, observation in looked.checks.items():
        learn = setup.checks[name].learn
        if learn is not None and observation.status == "ok" and accept.covers(only, name):
            known = looked.before.checks.get(name, {}) if observation.memory is None else observation.memory
            accepted = keys.get(name, ())
            found[name] = replace(
                observation,
                memory=learn(known, accepted, setup.now),
                learnable={key: value for key, value in observation.learnable.items() if key not in accepted},
                signals=tuple(signal for signal in observation.signals if signal.key not in accepted),
            )
    return looked._replace(observed=looked.observed._replace(checks=found))
