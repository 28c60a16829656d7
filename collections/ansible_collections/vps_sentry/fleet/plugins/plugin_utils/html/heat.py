# SPDX-License-Identifier: GPL-3.0-or-later
"""The heat map: hosts (or cohorts) by checks; a shape and a number say it as well as the colour."""

from __future__ import annotations

from typing import Iterator, Mapping, Optional

from ..heat import Heat, Map, Row, heat_map
from ..survey import Survey
from .markup import Markup, element, join, named

_SHAPES: Mapping[str, str] = {"critical": "◆", "warning": "▲", "info": "●"}
_CLEAN, _BLIND, _NONE = "✓", "?", "·"


def section(survey: Survey) -> Markup:
    """Heading, map and legend."""
    found = heat_map(survey)
    head = element("tr", element("th", ""), join(element("th", check) for check in found.checks))
    table = element("table", element("thead", head), element("tbody", join(_rows(found))), class_="heat")
    what = "Cohorts by checks" if found.by_cohort else "Hosts by checks"
    return join(
        [
            element("h2", what),
            element("section", element("div", table, _legend(found), class_="pad scroll"), class_="card"),
        ]
    )


def _rows(found: Map) -> Iterator[Markup]:
    cohort: Optional[str] = None
    for row in found.rows:
        if row.cohort != cohort and not found.by_cohort:
            cohort = row.cohort
            yield element("tr", element("th", named(cohort), colspan=str(len(found.checks) + 1)), class_="cohort")
        cells = join(
            element("td", _cell(row, check, unit="hosts" if found.by_cohort else "items")) for check in found.checks
        )
        yield element("tr", element("th", named(row.name, limit=60), scope="row"), cells)


def _cell(row: Row, check: str, *, unit: str) -> Markup:
    heat: Optional[Heat] = row.heats.get(check)
    if heat is not None:
        text = f"{_SHAPES[heat.severity]} {heat.count}"
        return element(
            "span", text, class_=f"cell {heat.severity}", title=f"{check}: {heat.count} {unit}, {heat.severity}"
        )
    if row.why or check in row.blind:
        return element("span", _BLIND, class_="cell", title=f"{check}: {row.why or 'could not be compared'}")
    if check not in row.looked:
        return element("span", _NONE, class_="cell", title=f"{check}: nobody in the cohort reports it")
    return element("span", _CLEAN, class_="cell good", title=f"{check}: nothing")


def _legend(found: Map) -> Markup:
    unit = "hosts with a difference" if found.by_cohort else "differences"
    entries = (
        ("critical", f"{_SHAPES['critical']} n", f"{unit}, the worst critical"),
        ("warning", f"{_SHAPES['warning']} n", f"{unit}, the worst a warning"),
        ("good", _CLEAN, "none"),
        ("", _BLIND, "could not be compared"),
        ("", _NONE, "not a check of that cohort"),
    )
    told = (join([element("span", mark, class_=f"cell {mood}"), element("span", text)]) for mood, mark, text in entries)
    return element("div", join(told), class_="legend")
