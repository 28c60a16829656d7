# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings that name the same hosts for the same reason, told together. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import DefaultDict, Iterable, List, Tuple

from .compare import Explanation, Finding, Level
from .core.model import Severity

_Kind = Tuple[str, Level, Severity, bool, Explanation, Tuple[str, ...], bool]


@dataclass(frozen=True)
class Group:
    """Findings of one cohort that are alike in everything but the item."""

    cohort: str
    level: Level
    severity: Severity
    wide: bool
    explanation: Explanation
    hosts: Tuple[str, ...]
    """Whom they are about."""
    differs: bool
    """Whether those hosts differ from their peers; else they only changed since they were accepted."""
    findings: Tuple[Finding, ...]

    @property
    def rank(self) -> int:
        """That of the finding which deserves a look most."""
        return max(finding.rank for finding in self.findings)


def group(findings: Iterable[Finding]) -> List[Group]:
    """The groups: critical first, then by rank, then few hosts before many."""
    together: DefaultDict[_Kind, List[Finding]] = defaultdict(list)
    for one in findings:
        hosts = one.changed if one.wide else one.outliers or one.changed
        kind = (one.cohort, one.level, one.severity, one.wide, one.explanation, hosts, bool(one.outliers))
        together[kind].append(one)
    groups = [Group(*kind, tuple(members)) for kind, members in together.items()]
    return sorted(
        groups, key=lambda one: (one.severity != "critical", -one.rank, len(one.hosts), one.cohort, one.hosts)
    )
