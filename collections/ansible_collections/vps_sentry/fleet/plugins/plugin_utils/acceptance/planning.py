# SPDX-License-Identifier: GPL-3.0-or-later
"""From the store to a plan: an acceptance of what differs, or a way back to an earlier baseline."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Dict, List, Mapping, Optional, Tuple

from .. import ballots, roster
from .._libraries import sa
from ..core.clock import epoch, rfc3339
from ..core.units import duration
from ..roster import HostRow
from . import fleets, identity, log, selection, situation
from .drafting import Candidate, Difference, Draft, draft
from .planfile import PlanError, PlanFile
from .situation import Explain, Wanted


@dataclass(frozen=True)
class Ask:
    """What a person wants planned. ``now`` is RFC 3339 UTC."""

    now: str
    by: str
    reason: str = ""
    fleet_id: Optional[str] = None
    wanted: Wanted = field(default_factory=Wanted)
    only: Tuple[str, ...] = ()
    critical: bool = False
    expires: Optional[str] = None
    """For how long what is accepted holds, such as ``2h``."""
    rollback: Optional[int] = None
    """Back to the baseline of that sequence; 0: to the one before, on each host its own."""


def plan(connection: sa.Connection, ask: Ask, *, explain: Explain = situation.nothing_known) -> PlanFile:
    """The plan; the connection must be one that writes, for a store gets its name with its first plan."""
    fleet_ids = fleets.said(connection)
    order = commission(connection, ask, told=fleet_ids)
    if ask.rollback is not None and (ask.only or ask.expires):
        raise PlanError("a rollback takes back everything since then, for good: leave out only= and expires=")
    if ask.rollback is None:
        found = situation.candidates(connection, ask.wanted, explain=explain)
    else:
        found = _going_back(connection, ask)
    return draft(order, fleets.checked(found, fleet_ids, fleet=order.fleet_id))


def commission(connection: sa.Connection, ask: Ask, *, told: Mapping[str, str]) -> Draft:
    """What a person asks for, in the name of this store's fleet. ``told``: host -> the fleet it names itself."""
    fleet = ask.fleet_id or _learned(connection, told)
    if fleet is not None:
        identity.name_fleet(connection, fleet)
    who = identity.of(connection)
    return Draft(
        fleet_id=who.fleet_id,
        store_id=who.store_id,
        log_head=log.head(connection),
        now=ask.now,
        by=ask.by,
        reason=ask.reason,
        selection=selection.parse(ask.only),
        critical=ask.critical,
        lifetime=_lifetime(ask),
    )


def _learned(connection: sa.Connection, told: Mapping[str, str]) -> Optional[str]:
    """The fleet's name by the hosts that are believed; None where it has one already, or no host names any."""
    if identity.is_named(connection):
        return None
    return fleets.most_named(told, believed=sorted(set(told) - set(situation.doubts(connection))))


def _lifetime(ask: Ask) -> Optional[str]:
    if ask.expires is None:
        return None
    try:
        seconds = duration(ask.expires)
    except ValueError as exc:
        raise PlanError(f"expires={ask.expires[:40]}: {exc}") from exc
    if not seconds:
        raise PlanError("expires=0: nothing is accepted for no time at all")
    return rfc3339(epoch(ask.now) + seconds)


def _going_back(connection: sa.Connection, ask: Ask) -> List[Candidate]:
    rows = {row.name: row for row in roster.hosts(connection)}
    found = []
    for one in situation.bare(connection, ask.wanted):
        row = rows[one.name]
        target = ask.rollback or (row.sequence or 0) - 1
        found.append(one if one.unfit else _gone_back(connection, one, row, target=target))
    return found


def _gone_back(connection: sa.Connection, one: Candidate, row: HostRow, *, target: int) -> Candidate:
    """What going back changes: between what is accepted now and what was then, whatever the host shows."""
    if not 0 < target < one.sequence:
        return replace(one, unfit=f"it has baseline #{one.sequence}: there is no #{target} to go back to")
    then = situation.earlier(connection, row, sequence=target)
    if then is None:
        return replace(one, unfit=f"this store never saw its baseline #{target}")
    states = ballots.roots_of(connection, [then, row.accepted or 0])
    before, after = states.get(row.accepted or 0, {}), states.get(then, {})
    return replace(one, rollback=target, differences=_between(connection, before, after))


def cohort_sizes(connection: sa.Connection) -> Mapping[str, int]:
    """Cohort -> how many hosts it has."""
    sizes: Dict[str, int] = Counter(row.cohort for row in roster.hosts(connection))
    return sizes


def _between(connection: sa.Connection, before: Mapping[str, int], after: Mapping[str, int]) -> Tuple[Difference, ...]:
    """Between two states, by check -> root; a check that only one of them has counts whole."""
    found = []
    for check in sorted({*before, *after}):
        old = dict(situation.items_of(connection, before[check])) if check in before else {}
        new = dict(situation.items_of(connection, after[check])) if check in after else {}
        if before.get(check) != after.get(check):
            keys = sorted({*old, *new})
            found += [Difference(check, k, old.get(k), new.get(k)) for k in keys if old.get(k) != new.get(k)]
    return tuple(found)
