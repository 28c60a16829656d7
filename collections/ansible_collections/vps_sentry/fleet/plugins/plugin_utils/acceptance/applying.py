# SPDX-License-Identifier: GPL-3.0-or-later
"""From a reviewed plan to what each host is asked, on record before any of them is: refused as a whole, or begun."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from .. import roster
from .._libraries import sa
from ..core.clock import epoch
from ..roster import HostRow
from . import guards, identity, ledger, log, planfile, signing, situation
from .expected import Expectation, checks_of
from .identity import Identity
from .ledger import Intent
from .planfile import HostPlan, PlanError, PlanFile, Signed
from .signing import Signers


@dataclass(frozen=True)
class Consent:
    """What a person said about applying a plan, and when (the controller's clock, RFC 3339 UTC)."""

    at: str
    signature: Optional[str] = None
    signers: Optional[Signers] = None
    critical_signers: int = 1
    maximum: Optional[str] = None
    canary: Optional[bool] = None


@dataclass(frozen=True)
class Begun:
    """What will be asked. ``left`` are hosts of the plan that are not asked, each with the reason."""

    hosts: Tuple[str, ...]
    canaries: Tuple[str, ...]
    left: Tuple[Tuple[str, str], ...]
    by: str


def begin(connection: sa.Connection, plan: PlanFile, *, consent: Consent, profile: Optional[PlanFile] = None) -> Begun:
    """Record what each host of ``plan`` will be asked. Raises PlanError when the plan must not be applied at all.

    Beginning the same plan again resumes it. A plan made out of a ``profile`` counts by what people said to that.
    """
    ledger.expire(connection, at=consent.at)
    who = identity.of(connection)
    reviewed = profile or plan
    by = _vouched(reviewed, who, consent=consent)
    problem = next(_objections(connection, reviewed, who, consent=consent), None)
    if problem is not None:
        raise PlanError(problem)
    rows = {row.name: row for row in roster.hosts(connection)}
    left = dict(_left(connection, plan, rows))
    cohorts = {name: row.cohort for name, row in rows.items()}
    first = () if profile else guards.canaries(plan, cohorts, asked=consent.canary)
    asked = [rows[host.name] for host in plan.hosts if host.name not in left]
    signed = planfile.signed(reviewed, consent.signature)
    intents = _intents(connection, plan, asked, signed=signed, first=first)
    ledger.intend(connection, intents, plan=plan, at=consent.at, by=by)
    identity.tighten(connection, signed=consent.signers is not None, critical_signers=consent.critical_signers)
    hosts = tuple(one.host for one in intents)
    return Begun(hosts, tuple(name for name in first if name in hosts), tuple(sorted(left.items())), by)


def _objections(connection: sa.Connection, plan: PlanFile, who: Identity, *, consent: Consent) -> Iterator[str]:
    if plan.fleet_id != who.fleet_id:
        yield f"the plan is for fleet {plan.fleet_id[:64]!r}, this store keeps {who.fleet_id!r}"
    if plan.store_id != who.store_id:
        yield f"the plan was made from another store ({plan.store_id[:64]}); one fleet, one store"
    if epoch(plan.expires) <= epoch(consent.at):
        yield f"the plan expired at {plan.expires}; make a new one"
    if not log.knows(connection, plan.log_head):
        yield (
            "this store's audit log does not hold the entry the plan was made on: the store was put back to an older "
            "backup; restore the newest one, or make a new plan"
        )
    fleet = len(roster.hosts(connection))
    too_many = guards.too_many(plan, fleet=fleet, maximum=consent.maximum)
    if too_many is not None:
        yield too_many


def _vouched(plan: PlanFile, who: Identity, *, consent: Consent) -> str:
    """Who answers for the plan. Raises PlanError when signatures are wanted and missing, or too few."""
    if consent.signers is None:
        if plan.cohort:
            raise PlanError(
                "a profile stands in for people, so it counts only signed: name the signers (vps_sentry_signers, or "
                "--signers FILE); in a fleet without signers, plan new hosts with: accept.yml -e adopt=true"
            )
        if who.signed:
            raise PlanError("plans of this fleet are signed: name the signers (vps_sentry_signers, or --signers FILE)")
        return plan.by
    if not consent.signature:
        raise PlanError(
            f"the plan is not signed; sign it with: vps-sentry-fleet accept sign {plan.file_name} --key KEY"
        )
    names = signing.signers_of(plan, consent.signature, signers=consent.signers, at=consent.at)
    if not names:
        raise PlanError(f"no signature of the plan is by a signer in {consent.signers.allowed} whose key is valid now")
    needed = max(who.critical_signers, consent.critical_signers)
    if plan.critical and len(names) < needed:
        raise PlanError(f"the plan trusts something critical: {needed} people have to sign, so far {', '.join(names)}")
    return f"{' and '.join(names)} (signed)"


def _left(connection: sa.Connection, plan: PlanFile, rows: Mapping[str, HostRow]) -> Iterator[Tuple[str, str]]:
    """Hosts that are not asked: gone, not believed, moved on, or in the middle of another plan.

    What a host must hold afterwards is computed from what it holds now, so that has to be what the plan starts from.
    """
    doubted = situation.doubts(connection)
    busy = {
        row.host: row for row in ledger.rows(connection) if row.state in ledger.OPEN and row.plan_id != plan.plan_id
    }
    for host in plan.hosts:
        if host.name not in rows:
            yield host.name, "it is not in this store any more"
        elif host.name in doubted:
            yield host.name, f"not believed, {doubted[host.name]}"
        elif rows[host.name].sequence != host.sequence and not _carried_out(connection, plan, host):
            now = rows[host.name].sequence
            yield host.name, f"its baseline is #{now} now, the plan starts from #{host.sequence}; make a new plan"
        elif host.name in busy:
            other = busy[host.name]
            told = f"plan {other.plan_id} is still {other.state} there; let it end"
            yield host.name, f"{told}, or: vps-sentry-fleet accept reset {other.plan_id}"


def _carried_out(connection: sa.Connection, plan: PlanFile, host: HostPlan) -> bool:
    """Whether the plan was begun for the host before: resuming it asks nothing new."""
    return any(row.host == host.name for row in ledger.rows(connection, plan_id=plan.plan_id))


def _intents(
    connection: sa.Connection,
    plan: PlanFile,
    hosts: Iterable[HostRow],
    *,
    signed: Signed,
    first: Tuple[str, ...],
) -> List[Intent]:
    expectation, values, parts = Expectation(connection), planfile.values(plan), planfile.by_name(plan)
    found = []
    for row in hosts:
        part = parts[row.name]
        order = planfile.order(plan, part, signed=signed)
        if part.rollback is not None:
            now, then = _restored(connection, expectation, row, part.rollback), None
        else:
            now, then = _digests(expectation, part, row=row, values=values[row.name], for_a_time=bool(plan.lifetime))
        found.append(Intent(row.name, order, now, then, row.name in first))
    return found


def _digests(
    expectation: Expectation, host: HostPlan, *, row: HostRow, values: Dict[Tuple[str, str], object], for_a_time: bool
) -> Tuple[str, Optional[str]]:
    """The host's baseline after the plan and, for an acceptance for a time, after that."""
    checks = checks_of(host.items)
    norm = row.norm or 0
    now = expectation.digest(row.accepted, values, checks=checks, norm=norm)
    if not for_a_time:
        return now, None
    # Checks stay part of the baseline; their items are again what they were.
    return now, expectation.digest(row.accepted, {}, checks=checks, norm=norm)


def _restored(connection: sa.Connection, expectation: Expectation, row: HostRow, sequence: int) -> str:
    state = situation.earlier(connection, row, sequence=sequence)
    if state is None:
        raise PlanError(f"this store no longer holds baseline #{sequence} of {row.name}; make a new plan")
    return expectation.digest(state, {}, checks=(), norm=row.norm or 0)
