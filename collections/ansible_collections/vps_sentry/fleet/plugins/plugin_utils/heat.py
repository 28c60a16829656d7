# SPDX-License-Identifier: GPL-3.0-or-later
"""Where it is hot: per host (or cohort) and check the worst open finding and how many there are. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, FrozenSet, Iterable, List, Mapping, Tuple

from .core.model import SEVERITIES, Severity
from .survey import Survey

MOST_ROWS = 300
"""With more hosts than this the rows are cohorts."""


@dataclass(frozen=True)
class Heat:
    """One place: ``count`` open findings, of hosts with one when the row is a cohort."""

    severity: Severity
    count: int


@dataclass(frozen=True)
class Row:
    """A host or a cohort; ``looked`` names the checks of its cohort, ``blind`` those that could not be compared."""

    name: str
    cohort: str
    heats: Mapping[str, Heat]
    looked: FrozenSet[str]
    blind: FrozenSet[str]
    why: str = ""
    """Why nothing could be compared."""


@dataclass(frozen=True)
class Map:
    """The whole map."""

    checks: Tuple[str, ...]
    rows: Tuple[Row, ...]
    by_cohort: bool


def heat_map(survey: Survey, *, most: int = MOST_ROWS) -> Map:
    """Rows by cohort and name; a column for each check that somebody reports."""
    by_cohort = len(survey.rows) > most
    checks = {check for cohort in survey.cohorts for check in cohort.checks}
    checks |= {finding.check for finding in survey.open} | {problem.check for problem in survey.unchecked}
    found = _cohorts(survey) if by_cohort else _hosts(survey)
    return Map(tuple(sorted(checks)), tuple(sorted(found, key=lambda row: (row.cohort, row.name))), by_cohort)


def _hosts(survey: Survey) -> List[Row]:
    hits: Dict[str, Dict[str, List[Severity]]] = {}
    for finding in survey.open:
        for host in finding.subjects:
            hits.setdefault(host, {}).setdefault(finding.check, []).append(finding.severity)
    blind: Dict[str, set[str]] = {}
    for problem in survey.unchecked:
        blind.setdefault(problem.host, set()).add(problem.check)
    looked = {cohort.name: frozenset(cohort.checks) for cohort in survey.cohorts}
    silent = {left.host: left.reason for left in survey.left_out if not left.compared}
    return [
        Row(
            name=row.name,
            cohort=row.cohort,
            heats={check: Heat(_worst(found), len(found)) for check, found in hits.get(row.name, {}).items()},
            looked=looked[row.cohort],
            blind=frozenset(blind.get(row.name, ())),
            why=silent.get(row.name, ""),
        )
        for row in survey.rows
    ]


def _cohorts(survey: Survey) -> List[Row]:
    hosts: Dict[Tuple[str, str], set[str]] = {}
    worst: Dict[Tuple[str, str], List[Severity]] = {}
    for finding in survey.open:
        place = (finding.cohort, finding.check)
        hosts.setdefault(place, set()).update(finding.subjects)
        worst.setdefault(place, []).append(finding.severity)
    cohorts = {row.name: row.cohort for row in survey.rows}
    blind: Dict[str, set[str]] = {}
    for problem in survey.unchecked:
        blind.setdefault(cohorts[problem.host], set()).add(problem.check)
    return [
        Row(
            name=f"{cohort.name} ({cohort.hosts} hosts)",
            cohort=cohort.name,
            heats={
                check: Heat(_worst(worst[name, check]), len(found))
                for (name, check), found in hosts.items()
                if name == cohort.name
            },
            looked=frozenset(cohort.checks),
            blind=frozenset(blind.get(cohort.name, ())),
            why="" if cohort.voters else "nobody votes",
        )
        for cohort in survey.cohorts
    ]


def _worst(found: Iterable[Severity]) -> Severity:
    return max(found, key=SEVERITIES.index)
