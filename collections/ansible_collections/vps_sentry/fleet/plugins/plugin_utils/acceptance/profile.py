# SPDX-License-Identifier: GPL-3.0-or-later
"""A cohort's profile: what its hosts accepted alike, signed once, for hosts that appear by themselves until it expires.

It is a plan whose only host stands for every new one. Each new host gets a plan of its own out of it: those of its
items that equal the profile's. Host and controller hold it to what people signed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterable, Iterator, List, Tuple

from .. import roster
from .._libraries import sa
from ..core import canonical
from ..core.clock import epoch, rfc3339
from ..core.order import COHORT
from ..limits import show
from . import fleets, ledger, log, planning, situation
from .drafting import Candidate, Difference, Draft, draft
from .ledger import Row
from .planfile import LIFETIME, PlanError, PlanFile
from .planning import Ask
from .situation import Wanted

FILE = "the profile's file"
MOST = 366 * 24 * 3600
"""Seconds for which a profile may be applied: what nobody ever looks at again is no review."""
_HAD_ONE = (
    "it had a baseline, or is a copy of a host that had one (before an image is made: vps-sentry reset --for-image); a "
    "profile is for hosts that never had one"
)


def make(connection: sa.Connection, ask: Ask, *, cohort: str) -> PlanFile:
    """The profile of ``cohort``, to be signed; the connection must be one that writes. Raises PlanError."""
    order = planning.commission(connection, ask, told=fleets.said(connection))
    until = order.lifetime
    if until is None or epoch(until) - epoch(order.now) > MOST:
        raise PlanError(f"a profile is for a time, at most {MOST // 86400} days: say how long, such as expires=90d")
    usual = situation.agreed(connection, cohort)
    if not usual:
        known = ", ".join(sorted({show(row.cohort) for row in roster.hosts(connection)}))
        raise PlanError(
            f"cohort {show(cohort)} has no consensus of accepted baselines: four hosts must agree; there are: {known}"
        )
    everybody = Candidate(
        cohort,
        cohort,
        machine_id=f"{COHORT}{cohort}",
        differences=tuple(Difference(check, key, None, text) for (check, key), text in sorted(usual.items()) if key),
        new_checks=frozenset(check for check, _key in usual),
        consensus=usual,
    )
    return draft(replace(order, lifetime=None, expires=until), [everybody])


def fill(connection: sa.Connection, profile: PlanFile, *, at: str) -> PlanFile:
    """A plan for the new hosts that are there ``at`` that time (RFC 3339 UTC); those that differ say in what."""
    wanted = Wanted(cohorts=frozenset({profile.cohort}), adopt=True, usual=_content(profile))
    found = fleets.checked(
        _new(connection, situation.candidates(connection, wanted), profile),
        fleets.said(connection),
        fleet=profile.fleet_id,
    )
    order = Draft(
        fleet_id=profile.fleet_id,
        store_id=profile.store_id,
        log_head=log.head(connection),
        now=at,
        by=profile.by,
        reason=f"profile {profile.plan_id}{': ' if profile.reason else ''}{profile.reason}",
        expires=min(profile.expires, rfc3339(epoch(at) + LIFETIME)),
    )
    return draft(order, found)


def _content(profile: PlanFile) -> Dict[Tuple[str, str], str]:
    items = {(g.check, g.key): canonical.dumps(g.after).decode("ascii") for g in profile.groups}
    return {**items, **{(check, ""): "" for host in profile.hosts for check, _key, _before, _after in host.items}}


def _new(connection: sa.Connection, found: Iterable[Candidate], profile: PlanFile) -> Iterator[Candidate]:
    """The hosts that never had a baseline; one that is being asked already is left to that."""
    lost = {row.name for row in roster.hosts(connection) if row.baseline == "lost"}
    newest: Dict[str, Row] = {row.host: row for row in ledger.rows(connection)}
    for one in found:
        row = newest.get(one.name)
        if one.sequence or one.name in lost:
            yield replace(one, unfit=one.unfit or _HAD_ONE)
        elif row is None or row.state not in (*ledger.OPEN, "refused"):
            yield one
        elif row.state == "refused" and row.created_at >= profile.created:
            yield replace(one, unfit=one.unfit or f"it refused ({row.reason}); mend that, then make the profile anew")
        elif row.state == "refused":
            yield one


def rows(connection: sa.Connection, profile: PlanFile) -> List[Row]:
    """What came of the profile: the newest acceptance out of it on each host."""
    plans = set(log.made_from(connection, profile.plan_id))
    newest = {row.host: row for row in ledger.rows(connection) if row.plan_id in plans}
    return [newest[name] for name in sorted(newest)]
