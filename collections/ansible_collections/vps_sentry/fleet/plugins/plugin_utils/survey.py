# SPDX-License-Identifier: GPL-3.0-or-later
"""One comparison of the whole fleet: who votes, what is missing, what differs. Reads the store, prints nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import DefaultDict, Dict, List, Literal, Mapping, Optional, Tuple

from . import ballots, roster
from ._libraries import sa
from .compare import Electorate, Finding, compare
from .roster import HostRow, Problem

Axis = Literal["snapshot", "accepted"]
MAX_AGE = 3
"""A host that missed this many collects in a row has no vote (``vps_sentry_max_age``)."""


@dataclass(frozen=True)
class Left:
    """A host that could not be compared, and why."""

    host: str
    reason: str


@dataclass(frozen=True)
class Cohort:
    """How far one cohort can be judged."""

    name: str
    hosts: int
    voters: int
    quorum: bool


@dataclass(frozen=True)
class Survey:
    """The whole answer; ``missing`` hosts may still vote with an older bundle, ``left_out`` hosts do not."""

    axis: Axis
    hosts: int
    missing: Tuple[Left, ...]
    left_out: Tuple[Left, ...]
    unchecked: Tuple[Problem, ...]
    cohorts: Tuple[Cohort, ...]
    findings: Tuple[Finding, ...]

    @property
    def critical(self) -> bool:
        """Whether a difference lies in a class that is never explained away."""
        return any(finding.severity == "critical" for finding in self.findings)

    @property
    def incomplete(self) -> bool:
        """Whether the comparison could not see all it should have seen; what everybody skips is left out on purpose."""
        unseen = any(one.status != "skipped" for one in self.unchecked)
        return not self.hosts or bool(self.missing or self.left_out) or unseen

    @property
    def exit_code(self) -> int:
        """docs/contracts.md section 11: 3 critical, 4 incomplete, 2 drift, 0 clean, in this order."""
        return 3 if self.critical else 4 if self.incomplete else 2 if self.findings else 0


def survey(connection: sa.Connection, *, axis: Axis = "snapshot", max_age: int = MAX_AGE) -> Survey:
    """Compare every cohort of the store on one axis: what runs now, or what was accepted."""
    rows = roster.hosts(connection)
    left_out = _left_out(rows, axis, max_age)
    states = {row.name: _state(row, axis) for row in rows if row.name not in left_out}
    roots = ballots.roots_of(connection, (state for state in states.values() if state is not None))
    held = {name: roots[state] for name, state in states.items() if state is not None}
    cohorts = _by_cohort(rows, held)
    deviations = ballots.deviations(connection, cohorts)
    sizes = Counter(row.cohort for row in rows)
    electorates = [
        Electorate(name, sizes[name], {check: sorted(hosts) for check, hosts in cohorts[name].items()})
        for name in sorted(sizes)
    ]
    missing = (Left(row.name, f"{row.outcome}: {row.reason}") for row in rows if row.missed)
    return Survey(
        axis=axis,
        hosts=len(rows),
        missing=tuple(missing),
        left_out=tuple(Left(name, reason) for name, reason in sorted(left_out.items())),
        unchecked=tuple(_unchecked(rows, held, roster.problems(connection))),
        cohorts=tuple(_judged(electorate) for electorate in electorates),
        findings=tuple(
            finding
            for electorate in electorates
            for finding in compare(electorate, deviations.get(electorate.cohort, ()))
        ),
    )


def _state(row: HostRow, axis: Axis) -> Optional[int]:
    return row.observed if axis == "snapshot" else row.accepted


def _left_out(rows: List[HostRow], axis: Axis, max_age: int) -> Dict[str, str]:
    """Host -> why it has no vote."""
    norms: DefaultDict[str, Counter[int]] = defaultdict(Counter)
    for row in rows:
        if row.norm is not None:
            norms[row.cohort][row.norm] += 1
    found: Dict[str, str] = {}
    for row in rows:
        if row.snapshot is None:
            found[row.name] = "never collected"
        elif row.missed >= max_age:
            found[row.name] = f"last bundle is {row.missed} collects old, from {row.collected_at}"
        elif axis == "accepted" and row.accepted is None:
            found[row.name] = f"no accepted baseline ({row.baseline})"
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
    """Checks without a vote on a host that otherwise votes: told by the host, or silently not there."""
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
    return Cohort(electorate.cohort, electorate.size, len(voters), quorum)
