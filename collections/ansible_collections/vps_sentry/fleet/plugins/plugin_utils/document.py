# SPDX-License-Identifier: GPL-3.0-or-later
"""A survey as JSON for programs; the schema in docs/schema is made from the types below."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Literal, Optional, Tuple

from .compare import Explanation, Finding, Folded, Level, Text
from .core.model import Severity
from .roster import Problem
from .scope import VERSION
from .sightings import Wave
from .survey import Axis, Cohort, Left, Survey
from .trust_store import Standing

SCHEMA: Literal[3] = 3
Value = Optional[Dict[str, Any]]
"""An item's fields; null where the item is absent."""


@dataclass(frozen=True)
class VariantDocument:
    """One value of an item and who holds it; of a value that is the norm the hosts are not listed.

    ``votes`` may be fewer than ``hosts``: those that are not believed have none.
    """

    value: Value
    votes: int
    hosts: Tuple[str, ...]


@dataclass(frozen=True)
class StepDocument:
    """From what to what an item moved since these hosts accepted it."""

    before: Value
    after: Value
    hosts: Tuple[str, ...]


@dataclass(frozen=True)
class ReasonDocument:
    """Why some of the hosts are as they are."""

    explanation: Explanation
    why: str
    hosts: Tuple[str, ...]
    package: str
    """Key of the package that explains; empty when none does."""


@dataclass(frozen=True)
class VersionDocument:
    """One version of a package and how many of all voting hosts have it; null where it is not installed."""

    version: Optional[str]
    hosts: int


@dataclass(frozen=True)
class PackageDocument:
    """A package that hosts do not agree on, or that moved, over the whole fleet."""

    package: str
    versions: List[VersionDocument]


@dataclass(frozen=True)
class FindingDocument:
    """One item; ``outliers`` differ from their peers, ``changed`` from what was accepted on them.

    ``doubted`` are those of both that are not believed and have no vote.
    """

    cohort: str
    check: str
    key: str
    level: Level
    severity: Severity
    rank: int
    differs_from_peers: bool
    changed_since_accepted: bool
    wide: bool
    voters: int
    variants: List[VariantDocument]
    outliers: Tuple[str, ...]
    steps: List[StepDocument]
    changed: Tuple[str, ...]
    unaccepted: Tuple[str, ...]
    doubted: Tuple[str, ...]
    explanation: Explanation
    reasons: List[ReasonDocument]
    explains: Tuple[Folded, ...]


@dataclass(frozen=True)
class Comparison:
    """``vps-sentry-fleet compare --format json``; ``exit_code`` as in docs/contracts.md section 11."""

    schema: Literal[3]
    rules: int
    axis: Axis
    exit_code: int
    hosts: int
    missing: Tuple[Left, ...]
    left_out: Tuple[Left, ...]
    unchecked: Tuple[Problem, ...]
    doubts: Tuple[Standing, ...]
    waves: Tuple[Wave, ...]
    cohorts: Tuple[Cohort, ...]
    findings: List[FindingDocument]
    audit_head: str
    packages: List[PackageDocument]


def comparison(survey: Survey) -> Comparison:
    """The survey with the values of items parsed."""
    return Comparison(
        schema=SCHEMA,
        rules=VERSION,
        axis=survey.axis,
        exit_code=survey.exit_code,
        hosts=survey.hosts,
        missing=survey.missing,
        left_out=survey.left_out,
        unchecked=survey.unchecked,
        doubts=survey.doubts,
        waves=survey.waves,
        cohorts=survey.cohorts,
        findings=[_finding(finding) for finding in survey.findings],
        audit_head=survey.audit_head,
        packages=[
            PackageDocument(one.package, [VersionDocument(*version) for version in one.versions()])
            for one in survey.packages
        ],
    )


def to_json(survey: Survey) -> Dict[str, Any]:
    """The survey as plain JSON values."""
    return asdict(comparison(survey))


def _finding(finding: Finding) -> FindingDocument:
    return FindingDocument(
        cohort=finding.cohort,
        check=finding.check,
        key=finding.key,
        level=finding.level,
        severity=finding.severity,
        rank=finding.rank,
        differs_from_peers=bool(finding.outliers),
        changed_since_accepted=bool(finding.changed),
        wide=finding.wide,
        voters=finding.voters,
        variants=[VariantDocument(_value(v.value), v.votes, v.hosts) for v in finding.variants],
        outliers=finding.outliers,
        steps=[StepDocument(_value(s.before), _value(s.after), s.hosts) for s in finding.steps],
        changed=finding.changed,
        unaccepted=finding.unaccepted,
        doubted=finding.doubted,
        explanation=finding.explanation,
        reasons=[ReasonDocument(r.explanation, r.why, r.hosts, r.package) for r in finding.reasons],
        explains=finding.explains,
    )


def _value(text: Text) -> Value:
    found: Value = None if text is None else json.loads(text)
    return found
