# SPDX-License-Identifier: GPL-3.0-or-later
"""The page, from a survey: verdict, coverage, heat map, findings, acceptance. Pure."""

from __future__ import annotations

from typing import Dict, Iterator, List, Sequence, Tuple

from .. import sightings, wording
from ..acceptance import log
from ..compare import Finding
from ..core.model import SEVERITIES, Severity
from ..explain import EXPLAINED
from ..grouping import Group, group
from ..limits import show
from ..report import FEW_ITEMS, LOW_RANK, judged
from ..scope import VERSION
from ..sightings import Wave
from ..survey import Survey
from ..vouchers import Stack
from . import heat, hosts
from .markup import Markup, element, join, named
from .style import POLICY, STYLE

UNFOLDED = 12
"""Items of a group that are seen at once; the others are folded, never left out."""
_AXES = {"snapshot": "what runs now", "accepted": "what was accepted"}
_VERDICTS = {0: ("good", "clean"), 2: ("warning", "drift"), 3: ("critical", "critical"), 4: ("warning", "incomplete")}


def page(survey: Survey, *, at: str, redacted: bool = False) -> str:
    """The whole document. ``at`` is the controller's time, RFC 3339 UTC."""
    told = (_top(survey, at, redacted), _tiles(survey), _doubts(survey), heat.section(survey))
    body = element(
        "main",
        *told,
        *_findings(survey),
        _packages(survey),
        _coverage(survey),
        hosts.section(survey),
        _foot(survey, at),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", "vps-sentry fleet report"),
        element("style", Markup(STYLE)),
    )
    return f"<!DOCTYPE html>\n{element('html', head, element('body', body), lang='en')}\n"


def _top(survey: Survey, at: str, redacted: bool) -> Markup:
    mood, word = _VERDICTS[survey.exit_code]
    told = [element("h1", "Fleet report"), element("span", f"{word} (exit {survey.exit_code})", class_=f"badge {mood}")]
    told.append(element("span", f"{_AXES[survey.axis]}, {at}", class_="soft"))
    if redacted:
        told.append(element("span", "redacted for sharing", class_="badge info"))
    return element("header", *told)


def _tiles(survey: Survey) -> Markup:
    reached = survey.hosts - len(survey.missing)
    criticals = sum(finding.severity == "critical" for finding in survey.open)
    explained = len(survey.findings) - len(survey.open)
    judgeable = sum(cohort.quorum for cohort in survey.cohorts)
    tiles = (
        (f"{reached} of {survey.hosts}", "hosts collected"),
        (f"{judgeable} of {len(survey.cohorts)}", "cohorts with a quorum"),
        (str(criticals), "critical differences"),
        (str(len(survey.open) - criticals), "other differences"),
        (str(explained), "differences explained"),
    )
    drawn = (element("div", element("b", number), element("span", label), class_="tile") for number, label in tiles)
    return element("div", join(drawn), class_="tiles")


def _doubts(survey: Survey) -> Markup:
    """Hosts that are not what this controller took them for; together where the words are the same."""
    together: Dict[Tuple[Severity, str, str], List[str]] = {}
    for doubt in survey.doubts:
        together.setdefault((doubt.severity, doubt.code, doubt.detail), []).append(doubt.host)
    if not together and not survey.waves:
        return Markup("")
    waves = join(_wave(wave) for wave in survey.waves)
    order = sorted(together, key=lambda kind: (-SEVERITIES.index(kind[0]), kind[1:]))
    return join([element("h2", "Trust"), waves, join(_doubt(kind, together[kind]) for kind in order)])


def _wave(wave: Wave) -> Markup:
    head = (element("span", "critical", class_="badge critical"), element("h3", sightings.told(wave)))
    return element("section", element("div", *head, class_="head"), _hosts(wave.hosts), class_="card is-critical")


def _doubt(kind: Tuple[Severity, str, str], names: Sequence[str]) -> Markup:
    severity, code, detail = kind
    who = named(names[0]) if len(names) == 1 else wording.count(len(names), "host")
    head = (element("span", severity, class_=f"badge {severity}"), element("h3", who, f": {code}"))
    told = element("div", *head, element("span", show(detail, limit=400), class_="soft"), class_="head")
    return element("section", told, _hosts(names), class_=f"card is-{severity}")


def _findings(survey: Survey) -> Iterator[Markup]:
    groups = group(survey.open)
    yield element("h2", "Differences")
    if not groups:
        yield element("p", "None that nothing explains.", class_="soft")
    yield from (_card(one) for one in groups)
    explained = group(finding for finding in survey.findings if finding.explanation in EXPLAINED)
    if explained:
        count = wording.count(sum(len(one.findings) for one in explained), "difference")
        summary = element("summary", f"{count}, by waiver, package or acceptance")
        yield element("h2", "Explained")
        yield element("details", summary, join(_card(one) for one in explained))


def _packages(survey: Survey) -> Markup:
    """The versions of the packages at issue, over the whole fleet."""
    if not survey.packages:
        return Markup("")
    rows = [
        element("tr", element("td", element("code", named(one.package)), class_="item"), _versions(one))
        for one in survey.packages
    ]
    head = element("tr", element("th", "package"), element("th", "versions over the fleet"))
    tables = [
        element("table", element("thead", head), element("tbody", join(some)))
        for some in (rows[:UNFOLDED], rows[UNFOLDED:])
        if some
    ]
    more = wording.count(len(rows) - UNFOLDED, "more package")
    folded = [element("details", element("summary", more), tables[1])] if len(tables) > 1 else []
    return join([element("h2", "Packages"), element("section", tables[0], *folded, class_="card scroll")])


def _versions(one: Stack) -> Markup:
    return element("td", wording.stacked(one), class_="what")


def _card(one: Group) -> Markup:
    head = element(
        "div",
        element("span", one.severity, class_=f"badge {one.severity}"),
        element("h3", *_headline(one)),
        element("span", show(one.cohort), f" · {one.level}", class_="soft"),
        class_="head",
    )
    told = sorted(one.findings, key=lambda finding: -finding.rank)
    rows = [_row(finding) for finding in told]
    seen = UNFOLDED if one.rank >= LOW_RANK else FEW_ITEMS
    parts = [head, _hosts(one.hosts), _table(rows[:seen])]
    if len(rows) > seen:
        more = wording.count(len(rows) - seen, "more item")
        parts.append(element("details", element("summary", more), _table(rows[seen:])))
    return element("section", *parts, class_=f"card is-{one.severity}")


def _headline(one: Group) -> Iterator[Markup | str]:
    told = wording.predicate(one)
    if one.wide:
        yield f"{told[:1].upper()}{told[1:]}"
    else:
        yield named(one.hosts[0]) if len(one.hosts) == 1 else wording.count(len(one.hosts), "host")
        yield f" {told}"


def _hosts(names: Sequence[str]) -> Markup:
    """All of them, folded."""
    if len(names) < 2:
        return Markup("")
    listed = join(part for name in names for part in (named(name), ", "))
    return element("details", element("summary", wording.count(len(names), "host")), element("p", Markup(listed[:-2])))


def _row(finding: Finding) -> Tuple[Markup, ...]:
    return (
        element("td", str(finding.rank), class_="number"),
        element("td", finding.check),
        element("td", element("code", named(finding.key)), class_="item"),
        element("td", wording.difference(finding), class_="what"),
        element("td", wording.peers(finding)),
        element("td", wording.past(finding)),
        element("td", wording.why(finding), class_="why"),
    )


def _table(rows: Sequence[Tuple[Markup, ...]]) -> Markup:
    names = ("rank", "check", "item", "difference", "peers", "since accepted", "explained by")
    head = element("tr", (element("th", name, class_="number" if name == "rank" else "") for name in names))
    body = join(element("tr", *row) for row in rows)
    return element("div", element("table", element("thead", head), element("tbody", body)), class_="scroll")


def _coverage(survey: Survey) -> Markup:
    rows: List[Markup] = []
    for cohort in survey.cohorts:
        text, mood = judged(cohort)
        rows.append(
            element(
                "tr",
                element("td", named(cohort.name)),
                element("td", str(cohort.hosts), class_="number"),
                element("td", str(cohort.voters), class_="number"),
                element("td", element("span", text, class_=f"badge {mood}")),
            )
        )
    names = ("cohort", "hosts", "voting", "can be judged")
    head = element("tr", (element("th", n, class_="number" if n in names[1:3] else "") for n in names))
    table = element("table", element("thead", head), element("tbody", join(rows)))
    return join([element("h2", "Coverage"), element("section", table, class_="card scroll"), _gaps(survey)])


def _gaps(survey: Survey) -> Markup:
    """Everything that could not be seen, one line each."""
    told = [(left.host, "not reached", left.reason) for left in survey.missing]
    told += [(left.host, "no vote" if left.compared else "not compared", left.reason) for left in survey.left_out]
    told += [(one.host, f"{one.check} {one.status}", one.error) for one in survey.unchecked]
    if not told:
        return element("p", "Every host was reached and every check of its peers looked at.", class_="soft")
    rows = (
        element(
            "tr",
            element("td", named(host)),
            element("td", element("span", kind, class_="badge warning")),
            element("td", show(reason, limit=400), class_="what"),
        )
        for host, kind, reason in told
    )
    table = element("table", element("tbody", join(rows)))
    head = element(
        "div", element("h3", f"{wording.count(len(told), 'gap')}: not looked at is not clean"), class_="head"
    )
    return element("section", head, element("div", table, class_="scroll"), class_="card is-warning")


def _foot(survey: Survey, at: str) -> Markup:
    made = f"vps-sentry-fleet, {at}, rules {VERSION}. Loads nothing, runs nothing; keep it private."
    return element("footer", element("div", made), element("div", log.told(survey.audit_head)))
