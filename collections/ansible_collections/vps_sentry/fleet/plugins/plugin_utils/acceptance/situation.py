# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of the store as candidates of a plan: what differs on each from what it accepted, or why it is not fit."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Callable, DefaultDict, Dict, FrozenSet, Iterable, List, Mapping, Optional, Tuple

from .. import ballots, roster, schema, trust_store
from .._libraries import sa
from ..roster import HostRow
from .drafting import Candidate, Difference, consensus

Consensus = Mapping[Tuple[str, str], str]
"""Check and key -> value (canonical JSON); an empty key stands for the check itself, with an empty value."""
Explain = Callable[[str, Difference], str]
"""Host and what differs there -> ``package:nginx``, ``change-record:PLAY`` or empty."""


@dataclass(frozen=True)
class Wanted:
    """Which hosts a plan is about."""

    hosts: Optional[FrozenSet[str]] = None
    """Names; None for all."""
    cohorts: FrozenSet[str] = frozenset()
    """Empty for all."""
    adopt: bool = False
    """Only hosts without a baseline, and only what their cohort accepted."""
    usual: Optional[Consensus] = None
    """What of it may be accepted, no more of it than the cohort still holds; None for all of what it holds."""
    max_age: int = 3
    """A host that missed so many collects is not fit."""


def nothing_known(_host: str, _difference: Difference) -> str:
    """Explains nothing."""
    return ""


def candidates(connection: sa.Connection, wanted: Wanted, *, explain: Explain = nothing_known) -> List[Candidate]:
    """The wanted hosts with their differences, those that are not fit with the reason."""
    found = {one.name: one for one in bare(connection, wanted)}
    fit = [row for row in roster.hosts(connection) if row.name in found and not found[row.name].unfit]
    found.update(_filled(connection, fit, found, explain=explain))
    if wanted.adopt:
        found = _adopted(connection, found, usual=wanted.usual)
    return [found[name] for name in sorted(found)]


def bare(connection: sa.Connection, wanted: Wanted) -> List[Candidate]:
    """The wanted hosts without their differences."""
    doubted, machines = doubts(connection), _machines(connection)
    rows = (row for row in roster.hosts(connection) if _is_wanted(row, wanted))
    found = ((row, _bare(row, wanted, doubt=doubted.get(row.name, ""))) for row in rows)
    return [replace(one, machine_id=machines.get(row.snapshot or 0, "")) for row, one in found]


def _is_wanted(row: HostRow, wanted: Wanted) -> bool:
    if wanted.adopt and row.baseline == "accepted":
        return False
    named = wanted.hosts is None or row.name in wanted.hosts
    return named and (not wanted.cohorts or row.cohort in wanted.cohorts)


def doubts(connection: sa.Connection) -> Dict[str, str]:
    """Host -> the worst of what speaks against believing it; a host that is only unreachable is planned for."""
    found: Dict[str, str] = {}
    for doubt in trust_store.standing(connection):
        if not doubt.votes:
            found.setdefault(doubt.host, f"{doubt.code}: {doubt.detail}")
    return found


def _bare(row: HostRow, wanted: Wanted, *, doubt: str) -> Candidate:
    unfit = ""
    if row.snapshot is None:
        unfit = "never collected"
    elif row.missed >= (row.max_age or wanted.max_age):
        unfit = f"its last bundle is {row.missed} collects old"
    elif doubt:
        unfit = f"not believed, {doubt}; look at it, then decide with: vps-sentry-fleet hosts adopt {row.name}"
    return Candidate(row.name, row.cohort, sequence=row.sequence or 0, unfit=unfit)


def _filled(
    connection: sa.Connection, rows: List[HostRow], bare_ones: Mapping[str, Candidate], *, explain: Explain
) -> Dict[str, Candidate]:
    observed = _roots(connection, {row.name: row.observed for row in rows})
    accepted = _roots(connection, {row.name: row.accepted for row in rows})
    found = _moved(connection, observed, accepted)
    whole: Dict[int, List[Tuple[str, str]]] = {}
    for name, checks in observed.items():
        for check in set(checks) - set(accepted[name]):
            root = checks[check]
            if root not in whole:
                whole[root] = items_of(connection, root)
            found[name] += (Difference(check, key, None, value) for key, value in whole[root])
    problems = _problems(connection)
    return {
        row.name: replace(
            bare_ones[row.name],
            differences=tuple(_explained(row.name, one, explain) for one in found[row.name]),
            new_checks=frozenset(set(observed[row.name]) - set(accepted[row.name])),
            not_checked=tuple(sorted(problems[row.name])),
        )
        for row in rows
    }


def _explained(host: str, one: Difference, explain: Explain) -> Difference:
    why = explain(host, one)
    return replace(one, explanation=why) if why else one


def _moved(
    connection: sa.Connection, observed: Mapping[str, Mapping[str, int]], accepted: Mapping[str, Mapping[str, int]]
) -> DefaultDict[str, List[Difference]]:
    """Host -> the items in which it differs from its own baseline, of checks that both know."""
    now = {"": _by_check(observed)}
    found: DefaultDict[str, List[Difference]] = defaultdict(list)
    for move in ballots.moves(connection, now, baselines={"": _by_check(accepted)}).get("", ()):
        one = Difference(move.check, move.key, move.before, move.after)
        for name in move.hosts:
            if move.check in accepted[name]:
                found[name].append(one)
    return found


def _by_check(roots: Mapping[str, Mapping[str, int]]) -> Dict[str, Dict[str, int]]:
    found: DefaultDict[str, Dict[str, int]] = defaultdict(dict)
    for name, checks in roots.items():
        for check, root in checks.items():
            found[check][name] = root
    return found


def _roots(connection: sa.Connection, states: Mapping[str, Optional[int]]) -> Dict[str, Dict[str, int]]:
    """Host -> check -> root of its state; empty where there is none."""
    known = ballots.roots_of(connection, {state for state in states.values() if state is not None})
    return {name: dict(known.get(state, {})) if state is not None else {} for name, state in states.items()}


def _machines(connection: sa.Connection) -> Dict[int, str]:
    table = schema.snapshot.c
    query = sa.select(table.id, table.machine_id).join(schema.host, schema.host.c.head == table.id)
    return {row.id: row.machine_id for row in connection.execute(query)}


def _problems(connection: sa.Connection) -> DefaultDict[str, List[str]]:
    found: DefaultDict[str, List[str]] = defaultdict(list)
    for problem in roster.problems(connection):
        found[problem.host].append(problem.check)
    return found


def items_of(connection: sa.Connection, root: int) -> List[Tuple[str, str]]:
    """Key and value (canonical JSON) of every item of a check, by key."""
    item, link, part = schema.item.c, schema.bucket_item.c, schema.root_bucket.c
    query = (
        sa.select(item.key, item.value)
        .join(schema.bucket_item, link.item == item.id)
        .join(schema.root_bucket, part.bucket == link.bucket)
        .where(part.root == root)
        .order_by(item.key)
    )
    return [(row.key, row.value) for row in connection.execute(query)]


def _adopted(
    connection: sa.Connection, found: Mapping[str, Candidate], *, usual: Optional[Consensus]
) -> Dict[str, Candidate]:
    """The candidates with what their cohorts accepted; one whose cohort agrees on nothing is not fit."""
    told: Dict[str, Candidate] = {}
    held = {cohort: agreed(connection, cohort) for cohort in {one.cohort for one in found.values()}}
    for name, one in found.items():
        if usual is not None:
            now = held[one.cohort]
            still = {place: value for place, value in usual.items() if not now or now.get(place) == value}
            told[name] = replace(one, consensus=still)
        elif held[one.cohort]:
            told[name] = replace(one, consensus=held[one.cohort])
        else:
            reason = f"cohort {one.cohort} has no consensus of accepted baselines: four hosts must agree"
            told[name] = replace(one, unfit=one.unfit or reason)
    return told


def agreed(connection: sa.Connection, cohort: str) -> Dict[Tuple[str, str], str]:
    """What the hosts of a cohort accepted that are believed and have a baseline; empty where they agree on nothing."""
    doubted = set(doubts(connection))
    members = [row for row in roster.hosts(connection) if row.cohort == cohort and row.name not in doubted]
    roots = _roots(connection, {row.name: row.accepted for row in members if row.accepted is not None})
    content = {root: items_of(connection, root) for root in _each(roots.values())}
    return consensus(
        {
            name: {
                **{(check, key): value for check, root in checks.items() for key, value in content[root]},
                **{(check, ""): "" for check in checks},
            }
            for name, checks in roots.items()
        }
    )


def _each(states: Iterable[Mapping[str, int]]) -> FrozenSet[int]:
    return frozenset(root for checks in states for root in checks.values())


def earlier(connection: sa.Connection, row: HostRow, *, sequence: int) -> Optional[int]:
    """The state that ``row`` had accepted under ``sequence``, None when this store never saw it."""
    table = schema.snapshot.c
    query = (
        sa.select(table.accepted)
        .join(schema.host, schema.host.c.id == table.host)
        .where(schema.host.c.name == row.name, table.sequence == sequence, table.accepted.is_not(None))
        .order_by(table.id.desc())
        .limit(1)
    )
    return connection.scalar(query)
