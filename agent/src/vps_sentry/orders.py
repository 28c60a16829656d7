# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller's acceptance on this host: exactly the reviewed items, once, or a refusal that says why."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterator, List, Optional

from . import accept, history, profiles
from .accept import Outcome, Proposal, Request, Situation
from .baseline import Authority, Baseline
from .core.clock import epoch
from .core.model import Change, ChangeKind, Value
from .core.order import COHORT, Order
from .core.plan import SCHEMA, Plan
from .errors import StoreError
from .store import Store

_SIGNERS_OPTION = ("configuration", "accept.allowed_signers")
_NOT_SET = {"value": "null"}
_NAME = 64
"""Characters shown of a name that an order claims."""


def decide(store: Store, situation: Situation, *, request: Request, order: Order) -> Outcome:
    """What becomes of ``order`` given what was just observed. Changes nothing."""
    problems = [*request.doubts, *_misfits(order, situation, request=request)]
    if not problems and order.rollback is not None and not _other_baseline(order, situation):
        return _go_back(store, situation, request=request, order=order)
    proposal = _proposal(order, situation)
    moved = [] if problems else _moved(proposal, order, situation)
    if problems or moved:
        return Outcome("refused", proposal, situation.baseline, tuple(problems or moved), stale=bool(moved))
    if order.leaf.expires is not None:
        request = replace(request, lifetime=epoch(order.leaf.expires) - situation.now)
    accepted = accept.accept(proposal, situation, request=request)
    return Outcome("accepted", proposal, _vouched(accepted, situation, request=request, order=order))


def carried_out(store: Store, baseline: Baseline, *, order: Order) -> Optional[history.Entry]:
    """The entry of this very order if it was carried out and still is the last word; None otherwise.

    A controller that was killed before it heard the answer asks again.
    """
    if baseline.status != "accepted" or baseline.sequence != order.leaf.sequence + 1:
        return None
    done = history.of_plan(store, order.leaf.plan_digest)
    return next((e for e in done if e.kind in accept.MOVED and e.sequence == baseline.sequence), None)


def foreign(order: Order, *, fleet_id: Optional[str], cohort: Optional[str]) -> Iterator[str]:
    """Why ``order`` is not for this host, whose configuration says of which fleet and cohort it is, or nothing."""
    if fleet_id is not None and fleet_id != order.manifest.fleet_id:
        yield f"the plan is for fleet {order.manifest.fleet_id[:_NAME]!r}, this host is of {fleet_id!r}"
    if order.profile is not None and cohort is None:
        yield "only a host whose configuration names its cohort (accept.cohort) accepts a profile"
    elif order.profile is not None and order.profile.machine_id != f"{COHORT}{cohort}":
        yield f"the profile is for {order.profile.machine_id[:_NAME]!r}, this host is of {COHORT}{cohort}"


def _misfits(order: Order, situation: Situation, *, request: Request) -> Iterator[str]:
    leaf, manifest, baseline = order.leaf, order.manifest, situation.baseline
    if order.profile is not None:
        yield from profiles.misfits(order.profile, order, baseline=baseline, signed=bool(request.signers))
    elif leaf.name not in manifest.leaves:
        yield "the manifest does not name this host's part of the plan"
    if leaf.machine_id != situation.machine_id:
        yield f"the plan was made for machine {leaf.machine_id[:32]}, this is {situation.machine_id}"
    if baseline.authority.signers and not request.signers:
        yield f"only a signed plan moves this baseline since #{baseline.sequence} or before; sign the plan"
    yield from _late("the plan" if order.profile is None else "the profile", manifest.expires, now=situation.now)
    if leaf.expires is not None:
        yield from _late("what it accepts for a time", leaf.expires, now=situation.now)
        if baseline.status != "accepted":
            yield "the first acceptance cannot expire: there is nothing to go back to"
    if (order.plan is None) == (order.rollback is None):
        yield "an order has either a plan or a rollback"
    elif order.plan is not None:
        yield from _unlike(order.plan, order)


def _moved(proposal: Proposal, order: Order, situation: Situation) -> List[str]:
    return _other_baseline(order, situation) or accept.refusals(proposal, situation)


def _other_baseline(order: Order, situation: Situation) -> List[str]:
    here, planned = situation.baseline.sequence, order.leaf.sequence
    return [] if here == planned else [f"the baseline is #{here} now, the plan starts from #{planned}"]


def _unlike(plan: Plan, order: Order) -> Iterator[str]:
    if plan.schema != SCHEMA:
        yield f"plan schema {plan.schema} is not known here; upgrade the agent"
    elif plan.name != order.leaf.plan_digest:
        yield "the plan's items are not those that were reviewed: its digest differs"
    elif (plan.machine_id, plan.sequence) != (order.leaf.machine_id, order.leaf.sequence):
        yield "the plan's items were made for another machine or another baseline"
    elif len({(check, key) for check, key, _, _ in plan.items}) != len(plan.items):
        yield "the plan names an item twice"


def _late(what: str, moment: str, *, now: int) -> Iterator[str]:
    try:
        if epoch(moment) <= now:
            yield f"{what} expired at {moment}; make a new one"
    except ValueError:
        yield f"when {what} expires is no time: {moment[:40]!r}"


def _proposal(order: Order, situation: Situation) -> Proposal:
    """The plan with the values behind its digests, as far as they are there; ``accept.refusals`` names the others.

    An item without a key stands for its check, which becomes part of the baseline though it has nothing to show.
    """
    plan = order.plan or Plan(SCHEMA, order.leaf.machine_id, order.leaf.sequence, None, (), ())
    found: List[Change] = []
    for check, key, before, after in plan.items:
        if not key:
            continue
        observation = situation.observations.get(check)
        here: Optional[Value] = observation.items.get(key, observation.learnable.get(key)) if observation else None
        accepted = situation.baseline.checks.get(check, {}).get(key)
        found.append(Change(_kind(before, after), check, key, accepted, here))
    return Proposal(plan, tuple(found))


def _kind(before: Optional[str], after: Optional[str]) -> ChangeKind:
    if before is None:
        return "added"
    return "removed" if after is None else "changed"


def _go_back(store: Store, situation: Situation, *, request: Request, order: Order) -> Outcome:
    """The plan of a rollback holds values this host may no longer show, so it is made from what the host keeps."""
    empty = _proposal(order, situation)
    try:
        outcome = accept.went_back(store, situation, request=replace(request, rollback=order.rollback))
    except StoreError as exc:
        return Outcome("refused", empty, situation.baseline, (str(exc),))
    if outcome.proposal.plan.name != order.leaf.plan_digest:
        problem = f"what going back to #{order.rollback} changes here is not what was reviewed; collect and plan anew"
        return Outcome("refused", outcome.proposal, situation.baseline, (problem,))
    return replace(outcome, baseline=_vouched(outcome.baseline, situation, request=request, order=order))


def _vouched(accepted: Baseline, situation: Situation, *, request: Request, order: Order) -> Baseline:
    """Signed is a ratchet: it holds until a signed plan itself accepts a configuration without signers."""
    signers = request.signers or situation.baseline.authority.signers
    if request.signers and _names_signers(situation.baseline) and not _names_signers(accepted):
        signers = ""
    return replace(accepted, authority=Authority(order.manifest.fleet_id, order.store_id, signers))


def _names_signers(baseline: Baseline) -> bool:
    check, key = _SIGNERS_OPTION
    return baseline.checks.get(check, {}).get(key, _NOT_SET) != _NOT_SET
