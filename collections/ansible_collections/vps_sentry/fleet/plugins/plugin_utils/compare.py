# SPDX-License-Identifier: GPL-3.0-or-later
"""Who differs from its peers: votes per item within a cohort. Pure: rows in, findings out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import DefaultDict, Dict, Iterable, List, Literal, Mapping, Optional, Sequence, Tuple

from .core.model import Severity
from .scope import scope, severity

QUORUM_VOTERS = 4
STRONG_VOTES = 4

Level = Literal["strong", "majority", "split", "no quorum"]
Text = Optional[str]
"""A value as canonical JSON; None = the item is absent, which is a value like any other."""


@dataclass(frozen=True)
class Deviation:
    """Hosts whose value of one item differs from that of the cohort's most common bucket."""

    check: str
    key: str
    value: Text
    usual: Text
    hosts: Tuple[str, ...]


@dataclass(frozen=True)
class Electorate:
    """One cohort: all its hosts, and per check those whose bundle is fresh and whose check worked."""

    cohort: str
    size: int
    voters: Mapping[str, Sequence[str]]

    def has_quorum(self, check: str) -> bool:
        """At least 4 voters and 2/3 of the cohort."""
        count = len(self.voters.get(check, ()))
        return count >= QUORUM_VOTERS and 3 * count >= 2 * self.size


@dataclass(frozen=True)
class Variant:
    """One value of an item and who has it. The hosts behind a consensus are all others and are not listed."""

    value: Text
    votes: int
    hosts: Tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """One item on which a cohort does not agree; ``variants`` by votes, most first."""

    cohort: str
    check: str
    key: str
    level: Level
    severity: Severity
    voters: int
    variants: Tuple[Variant, ...]
    outliers: Tuple[str, ...]
    """Hosts to look at: all that do not hold the most common value; everybody when there is none."""


@dataclass(frozen=True)
class Group:
    """Findings of one cohort that name the same outliers at the same level."""

    cohort: str
    level: Level
    severity: Severity
    outliers: Tuple[str, ...]
    findings: Tuple[Finding, ...]


def compare(electorate: Electorate, deviations: Iterable[Deviation]) -> List[Finding]:
    """The findings of one cohort, by check and key. Items of scope ``host`` have no vote."""
    votes: Dict[Tuple[str, str], DefaultDict[Text, List[str]]] = {}
    usual: Dict[Tuple[str, str], Text] = {}
    for deviation in deviations:
        place = (deviation.check, deviation.key)
        if scope(*place) == "host":
            continue
        votes.setdefault(place, defaultdict(list))[deviation.value] += deviation.hosts
        usual[place] = deviation.usual
    return [_finding(electorate, place, votes[place], usual[place]) for place in sorted(votes)]


def _finding(
    electorate: Electorate, place: Tuple[str, str], deviating: Mapping[Text, List[str]], usual: Text
) -> Finding:
    check, key = place
    voters = electorate.voters[check]
    apart = {host for hosts in deviating.values() for host in hosts}
    holders = {**deviating, usual: [host for host in voters if host not in apart]}
    ranked = sorted(holders.items(), key=lambda entry: (-len(entry[1]), entry[0] is not None, entry[0] or ""))
    first, second = len(ranked[0][1]), len(ranked[1][1])
    level = _level(first, len(voters), electorate.has_quorum(check))
    variants = tuple(Variant(value, len(hosts), tuple(sorted(hosts))) for value, hosts in ranked)
    if level in ("strong", "majority"):
        variants = (Variant(variants[0].value, first, ()), *variants[1:])
    leading = set(ranked[0][1]) if first > second else set()
    return Finding(
        cohort=electorate.cohort,
        check=check,
        key=key,
        level=level,
        severity=severity(check, key, values=holders),
        voters=len(voters),
        variants=variants,
        outliers=tuple(sorted(host for hosts in holders.values() for host in hosts if host not in leading)),
    )


def _level(votes: int, voters: int, quorum: bool) -> Level:
    if not quorum:
        return "no quorum"
    if 5 * votes >= 4 * voters and votes >= STRONG_VOTES:
        return "strong"
    return "majority" if 2 * votes > voters else "split"


def group(findings: Iterable[Finding]) -> List[Group]:
    """Findings with the same outliers told together: critical first, then few hosts before many."""
    together: DefaultDict[Tuple[str, Level, Severity, Tuple[str, ...]], List[Finding]] = defaultdict(list)
    for finding in findings:
        together[finding.cohort, finding.level, finding.severity, finding.outliers].append(finding)
    groups = [Group(*key, tuple(members)) for key, members in together.items()]
    return sorted(groups, key=lambda one: (one.severity != "critical", len(one.outliers), one.cohort, one.outliers))
