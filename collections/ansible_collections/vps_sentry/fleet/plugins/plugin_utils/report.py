# SPDX-License-Identifier: GPL-3.0-or-later
"""A survey, hosts and coverage as text for people. Pure."""

from __future__ import annotations

import shlex
from typing import Iterator, Sequence, Tuple

from . import wording
from .acceptance import log
from .compare import Finding
from .document import SCHEMA
from .explain import EXPLAINED
from .grouping import Group, group
from .host_report import GONE, doubt_lines
from .limits import show
from .page import Line, Mood, Page, Span, Table, draw, line, plain
from .roster import HostRow
from .sightings import told
from .survey import Cohort, Left, Survey
from .vouchers import Stack

__all__ = ["SCHEMA", "cohorts_text", "coverage_text", "hosts_text", "to_text"]

MAX_ITEMS = 20
FEW_ITEMS = 3
LOW_RANK = 20
"""Of a group below this rank only a few items are told; whatever is not told is counted."""
_HEADER = ("RANK", "CHECK", "ITEM", "PEERS", "SINCE ACCEPTED", "WHY", "DIFFERENCE")
"""The widest comes last: where lines wrap, what stands before it still lies in columns."""
_AXES = {"snapshot": "what runs now", "accepted": "what was accepted"}


def to_text(survey: Survey, *, color: bool = False, width: int = 120, everything: bool = False) -> str:
    """The survey for a terminal: coverage first, then findings grouped by the hosts they name.

    What is explained is only counted unless ``everything`` is asked for.
    """
    page: Page = [line((f"fleet comparison: {_AXES[survey.axis]}, {wording.count(survey.hosts, 'host')}", "title"))]
    page += [*_coverage(survey), line(), Table(("COHORT", "HOSTS", "VOTING", ""), [_cohort(c) for c in survey.cohorts])]
    for wave in survey.waves:
        page += [line(), line(("CRITICAL", "critical"), f"  {told(wave)}: {wording.names(wave.hosts)}")]
    for doubt in doubt_lines(survey.doubts, told={one.host for one in survey.missing}):
        page += [line(), doubt]
    for one in group(survey.findings if everything else survey.open):
        page += [line(), *_group(one, everything=everything)]
    page += _packages(survey, everything=everything)
    page += [line(), *_explained(survey, everything=everything), line((log.told(survey.audit_head), "dim"))]
    page += [_verdict(survey)]
    return draw(page, color=color, width=width)


def _coverage(survey: Survey) -> Iterator[Line]:
    yield line(f"collected {survey.hosts - len(survey.missing)} of {survey.hosts}")
    silent = {one.host for one in survey.left_out}
    for one in survey.missing:
        vote = ", no vote" if one.host in silent else ""
        yield line((f"  not reached{vote}: ", "warning"), f"{show(one.host)} ({show(one.reason, limit=400)})")
    for one in survey.left_out:
        if one.host not in {missing.host for missing in survey.missing}:
            yield line(("  no vote: ", "warning"), f"{show(one.host)} ({show(one.reason, limit=400)})")
            yield line((f"    {_by_hand(survey, one)}", "dim"))
    for problem in survey.unchecked:
        told = f"{show(problem.host)} {problem.check} {problem.status} ({show(problem.error, limit=200)})"
        yield line(("  not checked: ", "warning"), told)


def _by_hand(survey: Survey, left: Left) -> str:
    """Where to find what a host without a vote says."""
    if left.compared:
        return "where it differs from its peers is told below, and counts for nothing"
    without = {one.host for one in survey.left_out}
    (row,) = (row for row in survey.rows if row.name == left.host)
    peers = [peer.name for peer in survey.rows if peer.cohort == row.cohort and peer.name not in without]
    if row.snapshot is None or not peers:
        return "what it is like is in no finding below"
    names = " ".join(shlex.quote(show(host)) for host in (left.host, peers[0]))
    return f"what it said is in no finding below; see: vps-sentry-fleet diff {names}"


def _cohort(cohort: Cohort) -> Tuple[Span, ...]:
    return (show(cohort.name), ""), (str(cohort.hosts), ""), (str(cohort.voters), ""), judged(cohort)


def judged(cohort: Cohort) -> Span:
    """How far a cohort can be judged, and the mood of it."""
    if cohort.voters < 2:
        return "cannot be judged: no two hosts to compare", "warning"
    return ("quorum", "good") if cohort.quorum else ("no quorum: pairwise only", "warning")


def _group(one: Group, *, everything: bool) -> Iterator[Line | Table]:
    yield line((one.severity.upper(), one.severity), f"  {wording.headline(one)} ({show(one.cohort)}, {one.level})")
    most = len(one.findings) if everything else MAX_ITEMS if one.rank >= LOW_RANK else FEW_ITEMS
    first = sorted(one.findings, key=lambda finding: -finding.rank)[:most]
    yield Table(_HEADER, [_row(finding) for finding in first], indent=2)
    if len(one.findings) > most:
        yield line((f"  and {wording.count(len(one.findings) - most, 'more item')}; see them with --all", "dim"))


def _row(finding: Finding) -> Tuple[Span, ...]:
    return (
        (str(finding.rank), ""),
        (finding.check, ""),
        (wording.name(finding.key), ""),
        (wording.peers(finding), ""),
        (wording.past(finding), ""),
        (wording.why(finding), ""),
        (wording.difference(finding), ""),
    )


def _packages(survey: Survey, *, everything: bool) -> Iterator[Line | Table]:
    """The versions of the packages at issue, over the whole fleet."""
    if survey.packages:
        most = len(survey.packages) if everything else MAX_ITEMS
        yield line()
        yield Table(("PACKAGE", "VERSIONS OVER THE FLEET"), [_stack(one) for one in survey.packages[:most]])
        if len(survey.packages) > most:
            more = wording.count(len(survey.packages) - most, "more package")
            yield line((f"and {more}; see them with --all", "dim"))


def _stack(one: Stack) -> Tuple[Span, ...]:
    return (wording.name(one.package), ""), (wording.stacked(one), "")


def _explained(survey: Survey, *, everything: bool) -> Iterator[Line]:
    hidden = [finding.explanation for finding in survey.findings if finding.explanation in EXPLAINED]
    if hidden and not everything:
        kinds = ", ".join(f"{hidden.count(kind)} by {kind}" for kind in EXPLAINED if kind in hidden)
        yield line((f"{wording.count(len(hidden), 'more difference')} explained ({kinds}); see them with --all", "dim"))


def _verdict(survey: Survey) -> Line:
    found = wording.count(len(survey.open), "difference") if survey.open else "no differences"
    mood: Mood = "critical" if survey.critical else "warning" if survey.open else "good"
    partly = "" if not survey.incomplete else ", incomplete"
    return line((found, mood), f"{partly} (exit {survey.exit_code})")


def coverage_text(asked: int, *, missing: Sequence[HostRow], unknown: Sequence[str]) -> str:
    """``collected 2 of 3; not reached: web-03 (reason)``."""
    told = [f"{show(row.name)} ({row.outcome}: {show(row.reason, limit=400)})" for row in missing]
    told += [f"{show(name)} (never asked)" for name in unknown]
    head = f"collected {asked - len(told)} of {asked}"
    return f"{head}; not reached: {'; '.join(told)}" if told else head


def cohorts_text(survey: Survey) -> str:
    """Every cohort with its hosts, its votes and whether it can be judged; then who has no vote, and why."""
    page: Page = [Table(("COHORT", "HOSTS", "VOTING", ""), [_cohort(cohort) for cohort in survey.cohorts])]
    page += [line(f"no vote: {show(one.host)} ({show(one.reason, limit=400)})") for one in survey.left_out]
    return plain(page)


def hosts_text(rows: Sequence[HostRow]) -> str:
    """Every host, one line each."""
    header = ("HOST", "COHORT", "LAST BUNDLE", "MISSED", "BASELINE", "OPEN ALERTS", "")
    return plain([Table(header, [tuple((cell, "") for cell in _host(row)) for row in rows])])


def _host(row: HostRow) -> Tuple[str, ...]:
    baseline = f"#{row.sequence}" if row.baseline == "accepted" else row.baseline or "-"
    alerts = "-" if row.criticals is None else f"{row.criticals} critical, {row.warnings} warning"
    gone = f"not in the inventory since {row.absent_since}; {GONE}" if row.absent_since else ""
    name, cohort, told = show(row.name), show(row.cohort), gone or show(row.reason, limit=400)
    return name, cohort, row.collected_at or "never", str(row.missed), baseline, alerts, told
