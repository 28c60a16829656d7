# SPDX-License-Identifier: GPL-3.0-or-later
"""The acceptance table: every host with its baseline; of many hosts it is folded by cohort."""

from __future__ import annotations

from itertools import groupby
from typing import Iterable, List

from .. import wording
from ..heat import MOST_ROWS
from ..roster import HostRow
from ..survey import Survey
from .markup import Markup, element, join, named

_HEADER = ("host", "cohort", "baseline", "open alerts there", "last bundle", "missed")


def section(survey: Survey) -> Markup:
    """Heading and table."""
    rows = sorted(survey.rows, key=lambda row: (row.cohort, row.name))
    if len(rows) <= MOST_ROWS:
        return join([element("h2", "Acceptance"), element("section", _table(rows), class_="card scroll")])
    folded = (_folded(cohort, list(members)) for cohort, members in groupby(rows, key=lambda row: row.cohort))
    return join([element("h2", "Acceptance"), element("section", element("div", class_="pad"), *folded, class_="card")])


def _folded(cohort: str, rows: List[HostRow]) -> Markup:
    accepted = sum(row.baseline == "accepted" for row in rows)
    told = f": {accepted} of {wording.count(len(rows), 'host')} with an accepted baseline"
    return element("details", element("summary", named(cohort), told), element("div", _table(rows), class_="scroll"))


def _table(rows: Iterable[HostRow]) -> Markup:
    head = element("tr", (element("th", name) for name in _HEADER))
    return element("table", element("thead", head), element("tbody", join(_row(row) for row in rows)))


def _row(row: HostRow) -> Markup:
    return element(
        "tr",
        element("td", named(row.name)),
        element("td", named(row.cohort), class_="soft"),
        element("td", _baseline(row)),
        element("td", _alerts(row)),
        element("td", row.collected_at or "never", class_="soft"),
        element("td", str(row.missed)),
    )


def _baseline(row: HostRow) -> Markup:
    if row.baseline == "accepted":
        return element("span", f"#{row.sequence} accepted", class_="badge good")
    mood = "critical" if row.baseline == "lost" else "warning"
    return element("span", row.baseline or "not known", class_=f"badge {mood}")


def _alerts(row: HostRow) -> Markup:
    if row.criticals is None or row.warnings is None:
        return element("span", "not known", class_="soft")
    if row.criticals:
        return element("span", f"◆ {row.criticals} critical, {row.warnings} warning", class_="badge critical")
    if row.warnings:
        return element("span", f"▲ {wording.count(row.warnings, 'warning')}", class_="badge warning")
    return element("span", "✓ none", class_="badge good")
