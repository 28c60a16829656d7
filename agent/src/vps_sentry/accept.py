# SPDX-License-Identifier: GPL-3.0-or-later
"""Acceptance on a host: exactly the values that were seen, numbered, kept and told (docs/contracts.md section 3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, FrozenSet, Iterator, List, Literal, Mapping, Optional, Tuple

from . import baseline as baseline_room
from .baseline import Baseline, Temporary
from .core import codec
from .core.clock import epoch, rfc3339
from .core.diff import diff_items
from .core.model import Change, Observation, Value
from .core.order import Order
from .core.plan import SCHEMA, Plan, apply, changes, item_of, moved, not_checked, selected, unmatched
from .errors import ConfigError, MovedError, StoreError
from .keeping import PLAN_LIFETIME
from .store import Store

Kind = Literal["accepted", "refused", "proposed", "rolled-back", "expired", "acknowledged", "window"]
MOVED: Tuple[Kind, ...] = ("accepted", "rolled-back", "expired")
"""The outcomes after which another baseline holds."""


@dataclass(frozen=True)
class Request:
    """What the operator asked for."""

    only: Tuple[str, ...] = ()
    dry_run: bool = False
    digest: Optional[str] = None
    reason: str = ""
    by: str = "unknown"
    signed: bool = False
    """Signed mode: what is asked for here is only a proposal."""
    rollback: Optional[int] = None
    """Go back to the baseline of this sequence, as a new one."""
    lifetime: int = 0
    """Seconds after which the accepted values give way to those before; 0 = they hold for good."""
    order: Optional[Order] = None
    """What a controller wants accepted; ``orders`` carries it out."""
    doubts: Tuple[str, ...] = ()
    """Why the order is not to be obeyed, as far as configuration and signers tell."""
    signers: str = ""
    """The file whose signers vouch for the order; empty when none were asked."""


@dataclass(frozen=True)
class Situation:
    """The host at the moment of the request. ``now`` is seconds since the epoch."""

    machine_id: str
    baseline: Baseline
    observations: Mapping[str, Observation]
    now: int


@dataclass(frozen=True)
class Proposal:
    """A plan together with the values behind its digests."""

    plan: Plan
    changes: Tuple[Change, ...]


@dataclass(frozen=True)
class _KeptChange:
    change: Literal["added", "removed", "changed"]
    check: str
    key: str
    before: Optional[Dict[str, Any]]
    after: Optional[Dict[str, Any]]


@dataclass(frozen=True)
class _Kept:
    plan: Plan
    changes: Tuple[_KeptChange, ...]


@dataclass(frozen=True)
class Outcome:
    """What became of a request. ``baseline`` is the one that holds now."""

    kind: Kind
    proposal: Proposal
    baseline: Baseline
    refusals: Tuple[str, ...] = ()
    stale: bool = False
    """Refused only because the host moved on since the plan was made."""

    def accepted_keys(self) -> Mapping[str, FrozenSet[str]]:
        """Check -> keys that became trusted, the check itself among them; empty unless accepted."""
        if self.kind not in MOVED:
            return {}
        names = {change.check for change in self.proposal.changes}
        keys = {name: frozenset({name, *(c.key for c in self.proposal.changes if c.check == name)}) for name in names}
        return {**keys, "baseline": frozenset({"baseline"})}


def decide(store: Store, situation: Situation, *, request: Request) -> Outcome:
    """What becomes of ``request`` given what was just observed. Keeps a proposed plan; changes nothing else."""
    baseline = situation.baseline
    if request.rollback is not None:
        return _roll_back(store, situation, request)
    if request.digest is not None:
        proposal = kept(store, request.digest)
        problems = refusals(proposal, situation)
        if problems:
            return Outcome("refused", proposal, baseline, tuple(problems))
    else:
        nothing = unmatched(request.only, baseline=baseline.checks, checks=situation.observations)
        if nothing:
            raise ConfigError(f"--only {nothing[0]} means nothing here; see: vps-sentry baseline diff")
        proposal = propose(situation, only=request.only)
    if request.lifetime:
        _refuse_for_a_time(proposal, situation)
    if request.dry_run or request.signed or baseline.authority.signers:
        keep(store, proposal)
        return Outcome("proposed", proposal, baseline)
    return Outcome("accepted", proposal, accept(proposal, situation, request=request))


def _roll_back(store: Store, situation: Situation, request: Request) -> Outcome:
    """The kept baseline of an earlier sequence; in signed mode only a signed plan moves a baseline."""
    if request.signed or situation.baseline.authority.signers:
        raise MovedError("in signed mode a rollback is a signed plan of the controller")
    return went_back(store, situation, request=request)


def went_back(store: Store, situation: Situation, *, request: Request) -> Outcome:
    """The kept baseline of ``request.rollback``, numbered anew. Raises StoreError when it is not kept."""
    current = situation.baseline
    target = baseline_room.kept(store, request.rollback or 0)
    names = sorted(set(current.checks) | set(target.checks))
    found = [
        change
        for name in names
        for change in diff_items(name, before=current.checks.get(name, {}), after=target.checks.get(name, {}))
    ]
    plan = Plan(
        schema=SCHEMA,
        machine_id=situation.machine_id,
        sequence=current.sequence,
        expires=None,
        items=tuple(item_of(change) for change in found),
        not_checked=(),
    )
    restored = replace(
        target,
        sequence=current.sequence + 1,
        accepted_at=rfc3339(situation.now),
        accepted_by=request.by,
        authority=replace(current.authority, store_id=""),
        reason=f"back to #{target.sequence}{': ' if request.reason else ''}{request.reason}",
    )
    return Outcome("rolled-back", Proposal(plan, tuple(found)), restored)


def propose(situation: Situation, *, only: Tuple[str, ...]) -> Proposal:
    """The plan that would make the baseline equal to what was observed."""
    found = changes(situation.baseline.checks, situation.observations, only=only)
    plan = Plan(
        schema=SCHEMA,
        machine_id=situation.machine_id,
        sequence=situation.baseline.sequence,
        expires=rfc3339(situation.now + PLAN_LIFETIME),
        items=tuple(item_of(change) for change in found),
        not_checked=tuple(name for name in not_checked(situation.observations) if covers(only, name)),
    )
    return Proposal(plan, tuple(found))


def refusals(proposal: Proposal, situation: Situation) -> List[str]:
    """Why the plan no longer fits; only its own items, the sequence, the machine and its age count."""
    plan, baseline = proposal.plan, situation.baseline
    if plan.machine_id != situation.machine_id:
        return [f"the plan was made on machine {plan.machine_id}"]
    if plan.sequence != baseline.sequence:
        return [f"the baseline is #{baseline.sequence} now, the plan starts from #{plan.sequence}"]
    if plan.expires is not None and epoch(plan.expires) <= situation.now:
        return [f"the plan expired at {plan.expires}"]
    places = moved(plan, baseline=baseline.checks, checks=situation.observations)
    return [f"{place} is no longer as reviewed" for place in places]


def accept(proposal: Proposal, situation: Situation, *, request: Request) -> Baseline:
    """The baseline after the plan: the plan's values, never a fresh scan. Pure; ``commit`` writes it."""
    items = [change for change in proposal.changes if not _learnt(change, situation.observations)]
    checks: Dict[str, Dict[str, Value]] = apply(situation.baseline.checks, items)
    for name, observation in situation.observations.items():
        if observation.status == "ok" and _speaks_of(request, proposal.plan, name):
            checks.setdefault(name, {})
    return Baseline(
        status="accepted",
        machine_id=proposal.plan.machine_id,
        sequence=situation.baseline.sequence + 1,
        digest=baseline_room.digest_of(checks),
        accepted_at=rfc3339(situation.now),
        accepted_by=request.by,
        reason=request.reason,
        checks=checks,
        authority=replace(situation.baseline.authority, store_id=""),
        temporary=(
            *_still_temporary(situation, items, request=request),
            *_temporary(situation, items, request=request),
        ),
    )


def _speaks_of(request: Request, plan: Plan, check: str) -> bool:
    """Whether ``check`` is part of the baseline from now on, even where it has no item."""
    if request.order is not None:
        return any(item[0] == check for item in plan.items)
    return covers(request.only, check)


def _refuse_for_a_time(proposal: Proposal, situation: Situation) -> None:
    """Nothing to go back to, or facts that cannot be forgotten again, are not accepted for a time."""
    if situation.baseline.status != "accepted":
        raise ConfigError("the first acceptance cannot expire: there is nothing to go back to; leave out --expires")
    names = sorted({change.check for change in proposal.changes if _learnt(change, situation.observations)})
    if names:
        raise ConfigError(
            f"what {names[0]} learns is known from then on and cannot expire; name other items with --only, "
            "or give an entry of checks.ssh_auth.expected_logins a last day"
        )


def _temporary(situation: Situation, items: List[Change], *, request: Request) -> Iterator[Temporary]:
    """What this acceptance brings for a time. An item that was temporary before goes back to what held before that."""
    if request.lifetime and items:
        first = {(c, k): b for old in situation.baseline.temporary for c, k, b, _ in old.items}
        rows = tuple((c.check, c.key, first.get((c.check, c.key), c.before), c.after) for c in items)
        until = rfc3339(situation.now + request.lifetime)
        yield Temporary(situation.baseline.sequence + 1, until, request.by, request.reason, rows)


def _still_temporary(situation: Situation, items: List[Change], *, request: Request) -> Iterator[Temporary]:
    """Earlier acceptances for a time, without what is accepted anew now or, named with --only, for good."""
    anew = {(change.check, change.key) for change in items}
    for old in situation.baseline.temporary:
        kept = tuple(
            row
            for row in old.items
            if (row[0], row[1]) not in anew
            and not (request.only and not request.lifetime and selected(row[0], row[1], only=request.only))
        )
        if kept:
            yield replace(old, items=kept)


def commit(store: Store, outcome: Outcome) -> None:
    """Write the accepted baseline."""
    baseline_room.save(store, outcome.baseline)


def covers(only: Tuple[str, ...], check: str) -> bool:
    """Whether the selectors speak of ``check`` at all."""
    return not only or any(entry.partition(":")[0] == check for entry in only)


def keep(store: Store, proposal: Proposal) -> None:
    """Keep a plan under ``plans/`` so that it can be accepted by its digest."""
    store.write_json(_plan_file(proposal.plan.name), codec.encode(proposal))


def kept(store: Store, name: str) -> Proposal:
    """The kept plan of that digest. Raises MovedError when there is none, StoreError when it is damaged."""
    document = store.read_json(_plan_file(name))
    if document is None:
        raise MovedError(f"no plan {name} is kept here; make one with: vps-sentry --accept-baseline --dry-run")
    try:
        content = codec.decode(_Kept, document)
    except codec.CodecError as exc:
        raise StoreError(f"{store.path / _plan_file(name)} is damaged: {exc}; make a new plan") from exc
    found = tuple(Change(c.change, c.check, c.key, c.before, c.after) for c in content.changes)
    if content.plan.name != name or tuple(item_of(change) for change in found) != content.plan.items:
        raise StoreError(f"{store.path / _plan_file(name)} does not match its digest; make a new plan")
    return Proposal(content.plan, found)


def _plan_file(name: str) -> str:
    return f"plans/{name.replace(':', '-')}.json"


def learnt(proposal: Proposal, observations: Mapping[str, Observation]) -> Dict[str, Tuple[str, ...]]:
    """Check -> accepted keys that are facts to know, not items of the baseline."""
    found: Dict[str, List[str]] = {}
    for change in proposal.changes:
        if _learnt(change, observations):
            found.setdefault(change.check, []).append(change.key)
    return {name: tuple(keys) for name, keys in found.items()}


def _learnt(change: Change, observations: Mapping[str, Observation]) -> bool:
    observation = observations.get(change.check)
    return observation is not None and change.key in observation.learnable
