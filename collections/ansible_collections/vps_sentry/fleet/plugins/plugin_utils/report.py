# SPDX-License-Identifier: GPL-3.0-or-later
"""A survey as text for people and as JSON for programs (schema in the collection's README). Pure."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from .compare import Finding, Group, Text, Variant, group
from .limits import show
from .roster import HostRow
from .scope import VERSION
from .survey import Cohort, Survey

SCHEMA = 1
MAX_ITEMS = 20
"""Items of one group told in text; the rest is counted and stands in the JSON."""

_COLORS = {"critical": "\x1b[1;31m", "warning": "\x1b[33m", "good": "\x1b[32m"}
_AXES = {"snapshot": "what runs now", "accepted": "what was accepted"}


def to_json(survey: Survey) -> Dict[str, Any]:
    """The survey as plain JSON values; values of items are parsed, null = absent."""
    return {
        "schema": SCHEMA,
        "rules": VERSION,
        "axis": survey.axis,
        "exit_code": survey.exit_code,
        "hosts": survey.hosts,
        "missing": [asdict(one) for one in survey.missing],
        "left_out": [asdict(one) for one in survey.left_out],
        "unchecked": [asdict(one) for one in survey.unchecked],
        "cohorts": [asdict(one) for one in survey.cohorts],
        "findings": [_finding(finding) for finding in survey.findings],
    }


def _finding(finding: Finding) -> Dict[str, Any]:
    variants = [{**asdict(variant), "value": _value(variant.value)} for variant in finding.variants]
    return {**asdict(finding), "variants": variants}


def _value(text: Text) -> Any:
    return None if text is None else json.loads(text)


def to_text(survey: Survey, *, color: bool = False) -> str:
    """The survey for a terminal: coverage first, then findings grouped by the hosts they name."""
    lines = [f"fleet comparison: {_AXES[survey.axis]}, {_count(survey.hosts, 'host')}", *_coverage(survey), ""]
    lines += table(("COHORT", "HOSTS", "VOTING", ""), [_cohort(one) for one in survey.cohorts])
    for one in group(survey.findings):
        lines += ["", *_group(one, color=color)]
    return "\n".join([*lines, "", _verdict(survey, color=color), ""])


def _coverage(survey: Survey) -> Iterator[str]:
    yield f"collected {survey.hosts - len(survey.missing)} of {survey.hosts}"
    silent = {one.host for one in survey.left_out}
    for one in survey.missing:
        vote = ", no vote" if one.host in silent else ""
        yield f"  not reached{vote}: {show(one.host)} ({show(one.reason, limit=400)})"
    for one in survey.left_out:
        if one.host not in {missing.host for missing in survey.missing}:
            yield f"  no vote: {show(one.host)} ({show(one.reason, limit=400)})"
    for problem in survey.unchecked:
        yield f"  not checked: {show(problem.host)} {problem.check} {problem.status} ({show(problem.error, limit=200)})"


def _cohort(cohort: Cohort) -> Tuple[str, ...]:
    if cohort.voters < 2:
        judged = "cannot be judged: no two hosts to compare"
    elif cohort.quorum:
        judged = "quorum"
    else:
        judged = "no quorum: pairwise only"
    return show(cohort.name), str(cohort.hosts), str(cohort.voters), judged


def _group(one: Group, *, color: bool) -> Iterator[str]:
    mark = _paint(one.severity.upper(), one.severity if color else None)
    hosts = ", ".join(show(host) for host in one.outliers[:10])
    more = f" and {len(one.outliers) - 10} more" if len(one.outliers) > 10 else ""
    verb = "differs" if len(one.outliers) == 1 else "differ"
    yield f"{mark}  {hosts}{more} {verb} in {_count(len(one.findings), 'item')} ({show(one.cohort)}, {one.level})"
    yield from (f"  {line}" for line in table((), [_item(finding) for finding in one.findings[:MAX_ITEMS]]))
    if len(one.findings) > MAX_ITEMS:
        yield f"  and {len(one.findings) - MAX_ITEMS} more, all of them with --format json"


def _item(finding: Finding) -> Tuple[str, ...]:
    common, *rest = finding.variants
    if finding.level in ("strong", "majority"):
        parts = [_variant(variant, common, finding) for variant in rest]
    else:
        # Nobody is the norm here, so no value stands before another.
        parts = [f"{_brief(variant, finding)} on {_votes(variant, finding)}" for variant in finding.variants]
    return finding.check, show(finding.key), "; ".join(parts)


def _brief(variant: Variant, finding: Finding) -> str:
    """What tells this value from the others of the finding."""
    if variant.value is None:
        return "absent"
    values = [_value(other.value) for other in finding.variants if other.value is not None]
    here = _value(variant.value)
    names = [name for name in sorted(here) if any(other.get(name) != here[name] for other in values)]
    return ", ".join(f"{show(name)} {_short(name, here[name])}" for name in names) or "present"


def _variant(variant: Variant, common: Variant, finding: Finding) -> str:
    who = _votes(variant, finding)
    usual = f"{common.votes} of {finding.voters}"
    if variant.value is None:
        return f"missing on {who}, present on {usual}"
    if common.value is None:
        return f"only on {who}, absent on {usual}"
    return f"{who}: {_fields(_value(common.value), _value(variant.value))} ({usual} agree)"


def _votes(variant: Variant, finding: Finding) -> str:
    if len(variant.hosts) <= 3:
        return ", ".join(show(host) for host in variant.hosts)
    return f"{variant.votes} of {finding.voters}"


def _fields(common: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    names = [name for name in sorted({**common, **here}) if common.get(name) != here.get(name)]
    return ", ".join(
        f"{show(name)} {_short(name, common.get(name))} -> {_short(name, here.get(name))}" for name in names
    )


def _short(name: str, value: Any) -> str:
    if type(value) is str:
        return show(value, limit=40 if len(value) != 64 else 12)
    return show(json.dumps(value), limit=60)


def _verdict(survey: Survey, *, color: bool) -> str:
    found = _count(len(survey.findings), "difference") if survey.findings else "no differences"
    kind = "critical" if survey.critical else "warning" if survey.findings else "good"
    partly = "" if not survey.incomplete else ", incomplete"
    return f"{_paint(found, kind if color else None)}{partly} (exit {survey.exit_code})"


def coverage_text(asked: int, *, missing: Sequence[HostRow], unknown: Sequence[str]) -> str:
    """``collected 2 of 3; not reached: web-03 (reason)``."""
    told = [f"{show(row.name)} ({row.outcome}: {show(row.reason, limit=400)})" for row in missing]
    told += [f"{show(name)} (never asked)" for name in unknown]
    head = f"collected {asked - len(told)} of {asked}"
    return f"{head}; not reached: {'; '.join(told)}" if told else head


def hosts_text(rows: Sequence[HostRow]) -> str:
    """Every host, one line each."""
    header = ("HOST", "COHORT", "LAST BUNDLE", "MISSED", "BASELINE", "OPEN ALERTS", "")
    return "\n".join([*table(header, [_host(row) for row in rows]), ""])


def _host(row: HostRow) -> Tuple[str, ...]:
    baseline = f"#{row.sequence}" if row.baseline == "accepted" else row.baseline or "-"
    alerts = "-" if row.criticals is None else f"{row.criticals} critical, {row.warnings} warning"
    name, cohort, told = show(row.name), show(row.cohort), show(row.reason, limit=400)
    return name, cohort, row.collected_at or "never", str(row.missed), baseline, alerts, told


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> List[str]:
    """Left-aligned columns, two spaces apart; lines without trailing spaces."""
    lines = [*([header] if header else []), *rows]
    widths = [max(len(cell) for cell in column) for column in zip(*lines)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _paint(text: str, kind: Optional[str]) -> str:
    return text if kind is None else f"{_COLORS[kind]}{text}\x1b[0m"
