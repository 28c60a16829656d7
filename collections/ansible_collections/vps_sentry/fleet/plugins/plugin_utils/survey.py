# SPDX-License-Identifier: GPL-3.0-or-later
"""One comparison of the whole fleet: who votes, what is missing, what differs. Reads the store, prints nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import DefaultDict, Dict, FrozenSet, Iterable, List, Literal, Mapping, Tuple

from . import ballots, platform, reviewed, roster, sightings, trust_store, vouching, waivers
from ._libraries import sa
from .acceptance import log
from .changes import notebook
from .compare import Electorate, Finding, compare
from .explain import EXPLAINED, Evidence, explained
from .roster import MAX_AGE, HostRow, Problem
from .scope import NORMS
from .sightings import Wave
from .trust_store import Standing
from .vouchers import PACKAGES, Stack, Vouchers, is_package

Axis = Literal["snapshot", "accepted"]


@dataclass(frozen=True)
class Left:
    """A host that was not reached or has no vote, and why."""

    host: str
    reason: str
    compared: bool
    """Whether what it said last is held against its peers nevertheless."""


@dataclass(frozen=True)
class Cohort:
    """How far one cohort can be judged."""

    name: str
    hosts: int
    voters: int
    quorum: bool
    checks: Tuple[str, ...]
    """What its voters report."""


@dataclass(frozen=True)
class Survey:
    """The whole answer; ``missing`` hosts may still vote with an older bundle, ``left_out`` hosts do not.

    Of those some are compared nevertheless: their own word counts for nothing, and what is odd about them is told.
    """

    axis: Axis
    hosts: int
    missing: Tuple[Left, ...]
    left_out: Tuple[Left, ...]
    unchecked: Tuple[Problem, ...]
    cohorts: Tuple[Cohort, ...]
    findings: Tuple[Finding, ...]
    doubts: Tuple[Standing, ...]
    """Why some hosts are not believed, and what is known about others."""
    waves: Tuple[Wave, ...]
    """The same new key or address on several hosts within minutes."""
    rows: Tuple[HostRow, ...]
    """Every host, with the cohort it is judged in."""
    audit_head: str = ""
    """Head of the audit log."""
    packages: Tuple[Stack, ...] = ()
    """The packages on which a cohort does not agree or that moved, over all hosts that vote."""

    @property
    def open(self) -> Tuple[Finding, ...]:
        """The findings that nothing explains away."""
        return tuple(finding for finding in self.findings if finding.explanation not in EXPLAINED)

    @property
    def critical(self) -> bool:
        """Whether a difference that nobody explained lies in a class that counts as critical, or a host is doubted."""
        severities = [finding.severity for finding in self.open] + [doubt.severity for doubt in self.doubts]
        return "critical" in severities or bool(self.waves)

    @property
    def incomplete(self) -> bool:
        """Whether the comparison could not see all it should have seen; what everybody skips is left out on purpose."""
        unseen = any(one.status != "skipped" for one in self.unchecked)
        return not self.hosts or bool(self.missing or self.left_out) or unseen

    @property
    def exit_code(self) -> int:
        """docs/contracts.md section 11: 3 critical, 4 incomplete, 2 drift, 0 clean, in this order."""
        return 3 if self.critical else 4 if self.incomplete else 2 if self.open else 0


@dataclass(frozen=True)
class Options:
    """How to compare."""

    axis: Axis = "snapshot"
    """What runs now, held also against what each host accepted; or what was accepted, between hosts alone."""
    max_age: int = MAX_AGE
    references: FrozenSet[str] = frozenset()
    """Hosts whose values are right for their cohort (``vps_sentry_cohort_reference``)."""


_USUAL = Options()


def survey(connection: sa.Connection, *, at: str, options: Options = _USUAL) -> Survey:
    """Compare every cohort of the store. ``at`` (RFC 3339 UTC) decides which waivers still hold."""
    rows = roster.hosts(connection)
    doubts = trust_store.standing(connection)
    roots = ballots.roots_of(connection, {state for row in rows for state in (row.observed, row.accepted) if state})
    rows = platform.placed(connection, rows, roots=roots)
    disbelieved, unfit = _not_believed(doubts), _unfit(rows, options)
    guests = frozenset(disbelieved.keys() - unfit.keys())
    compared = [row for row in rows if row.name not in unfit]
    accepted = {row.name: roots[row.accepted] for row in compared if row.accepted is not None}
    observed = {row.name: roots[row.observed] for row in compared if row.observed is not None}
    shown = observed if options.axis == "snapshot" else accepted
    held = {name: checks for name, checks in shown.items() if name not in guests}
    cohorts, baselines = _by_cohort(rows, shown), _by_cohort(rows, accepted)
    deviations = ballots.deviations(connection, cohorts)
    moves = ballots.moves(connection, cohorts, baselines=baselines) if options.axis == "snapshot" else {}
    electorates = _electorates(rows, cohorts, baselines, guests=guests, references=options.references)
    found = [
        finding
        for electorate in electorates
        for finding in compare(
            electorate, deviations.get(electorate.cohort, ()), moves=moves.get(electorate.cohort, ())
        )
    ]
    installed = {name: checks[PACKAGES] for name, checks in held.items() if PACKAGES in checks}
    differing = {one.key for one in found if one.check == PACKAGES and is_package(one.key)}
    return Survey(
        axis=options.axis,
        hosts=len(rows),
        missing=tuple(Left(row.name, f"{row.outcome}: {row.reason}", row.name in shown) for row in rows if row.missed),
        left_out=tuple(Left(name, reason, name in shown) for name, reason in sorted({**disbelieved, **unfit}.items())),
        unchecked=tuple(_unchecked(rows, held, roster.problems(connection))),
        cohorts=tuple(_judged(electorate) for electorate in electorates),
        findings=tuple(explained(found, _evidence(connection, installed, at=at, axis=options.axis))),
        doubts=tuple(doubts),
        waves=tuple(sightings.waves(sightings.seen(connection))),
        rows=tuple(rows),
        audit_head=log.head(connection),
        packages=tuple(vouching.stacks(connection, installed, packages=differing)),
    )


def _evidence(connection: sa.Connection, installed: vouching.Roots, *, at: str, axis: Axis) -> Evidence:
    return Evidence(
        waivers=waivers.holding(connection, at=at),
        reviewed=reviewed.reviewed(connection),
        records=notebook.records(connection, at=at),
        # What was accepted has no past to explain it by.
        vouchers=vouching.load(connection, installed) if axis == "snapshot" else Vouchers(),
    )


def _electorates(
    rows: List[HostRow],
    cohorts: Mapping[str, ballots.Roots],
    baselines: Mapping[str, ballots.Roots],
    *,
    guests: FrozenSet[str],
    references: FrozenSet[str],
) -> List[Electorate]:
    sizes = Counter(row.cohort for row in rows)
    members = {row.name: row.cohort for row in rows}
    chosen = {members[name]: name for name in sorted(references & set(members))}
    return [
        Electorate(
            cohort=name,
            size=sizes[name],
            voters={
                check: frozenset(voters)
                for check, hosts in cohorts.get(name, {}).items()
                if (voters := hosts.keys() - guests)
            },
            guests={
                check: present for check, hosts in cohorts.get(name, {}).items() if (present := guests & hosts.keys())
            },
            accepted={
                check: frozenset(hosts).intersection(cohorts.get(name, {}).get(check, ()))
                for check, hosts in baselines.get(name, {}).items()
            },
            reference=chosen.get(name),
        )
        for name in sorted(sizes)
    ]


def _not_believed(doubts: Iterable[Standing]) -> Dict[str, str]:
    """Host -> the doubts that take its vote."""
    found: DefaultDict[str, List[str]] = defaultdict(list)
    for doubt in doubts:
        if not doubt.votes:
            found[doubt.host].append(doubt.code)
    return {host: f"not believed: {', '.join(codes)}" for host, codes in found.items()}


def _unfit(rows: List[HostRow], options: Options) -> Dict[str, str]:
    """Host -> why nothing of it can be compared."""
    norms: DefaultDict[str, Counter[int]] = defaultdict(Counter)
    for row in rows:
        if row.norm is not None:
            norms[row.cohort][row.norm] += 1
    found: Dict[str, str] = {}
    for row in rows:
        if row.snapshot is None:
            found[row.name] = "never collected"
        elif row.missed >= (row.max_age or options.max_age):
            found[row.name] = f"last bundle is {row.missed} collects old, from {row.collected_at}"
        elif options.axis == "accepted" and row.accepted is None:
            found[row.name] = f"no accepted baseline ({row.baseline})"
        elif row.norm not in NORMS:
            found[row.name] = f"not comparable: rule set {row.norm} is not known here; upgrade the controller"
        elif row.norm != _most_common(norms[row.cohort]):
            found[row.name] = f"not comparable: rule set {row.norm}, its cohort uses {_most_common(norms[row.cohort])}"
    return found


def _most_common(norms: Counter[int]) -> int:
    return max(norms, key=lambda norm: (norms[norm], norm))


def _by_cohort(
    rows: List[HostRow], held: Mapping[str, Mapping[str, int]]
) -> DefaultDict[str, DefaultDict[str, Dict[str, int]]]:
    """Cohort -> check -> host -> root."""
    found: DefaultDict[str, DefaultDict[str, Dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        for check, root in held.get(row.name, {}).items():
            found[row.cohort][check][row.name] = root
    return found


def _unchecked(rows: List[HostRow], held: Mapping[str, Mapping[str, int]], problems: List[Problem]) -> List[Problem]:
    """Checks that are missing on a host that otherwise votes: told by the host, or silently not there."""
    usual: DefaultDict[str, set[str]] = defaultdict(set)
    for row in rows:
        usual[row.cohort].update(held.get(row.name, {}))
    peers = {row.name: usual[row.cohort] for row in rows}
    told = [_told(problem, peers[problem.host]) for problem in problems if problem.host in held]
    known = {(problem.host, problem.check) for problem in told}
    silent = [
        Problem(row.name, check, "missing", "its peers report this check, this host does not")
        for row in rows
        if row.name in held
        for check in sorted(usual[row.cohort] - set(held[row.name]))
        if (row.name, check) not in known
    ]
    return sorted(told + silent, key=lambda problem: (problem.host, problem.check))


def _told(problem: Problem, usual: set[str]) -> Problem:
    """A host must not leave the vote by calling a check skipped that its peers report."""
    if problem.status != "skipped" or problem.check not in usual:
        return problem
    return Problem(problem.host, problem.check, "withheld", f"skipped, its peers report it: {problem.error}")


def _judged(electorate: Electorate) -> Cohort:
    voters = {host for hosts in electorate.voters.values() for host in hosts}
    checks = electorate.voters
    quorum = bool(checks) and all(electorate.has_quorum(check) for check in checks)
    return Cohort(electorate.cohort, electorate.size, len(voters), quorum, tuple(sorted(checks)))
