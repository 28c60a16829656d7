# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans: exactly the reviewed items, and nothing else, decide whether a plan still fits."""

from __future__ import annotations

from typing import Dict, List, Tuple

import pytest
from vps_sentry.core.diff import diff
from vps_sentry.core.model import Observation, Value
from vps_sentry.core.plan import Plan, apply, changes, item_of, moved, not_checked, selected

BASE: Dict[str, Dict[str, Value]] = {"files": {"/a": {"size": 1}, "/gone": {"size": 2}}, "ports": {"tcp:22": {"n": 1}}}
SEEN = {
    "files": Observation("ok", {"/a": {"size": 9}, "/new": {"size": 3}}),
    "ports": Observation("failed", error="no netlink"),
}
SELECTORS = [
    pytest.param((), True, id="nothing said means everything"),
    pytest.param(("files",), True, id="whole check"),
    pytest.param(("files:/etc/*",), True, id="glob"),
    pytest.param(("files:/var/*",), False, id="other glob"),
    pytest.param(("ports",), False, id="other check"),
    pytest.param(("file",), False, id="a prefix is not the name"),
    pytest.param(("ports", "files:/etc/cron.d/x"), True, id="any of several"),
]


def plan_of(only: Tuple[str, ...] = ()) -> Plan:
    found = changes(BASE, SEEN, only=only)
    return Plan(1, "m", 1, None, tuple(item_of(change) for change in found), not_checked(SEEN))


@pytest.mark.parametrize(("only", "expected"), SELECTORS)
def test_selected(only: Tuple[str, ...], expected: bool) -> None:
    assert expected is selected("files", "/etc/cron.d/x", only=only)


def test_a_failed_check_is_named_and_keeps_its_items() -> None:
    plan = plan_of()
    result = apply(BASE, changes(BASE, SEEN, only=()))

    assert ("ports",) == plan.not_checked
    assert BASE["ports"] == result["ports"]
    assert {"/a": {"size": 9}, "/new": {"size": 3}} == result["files"]


def test_what_could_not_be_looked_at_is_not_removed() -> None:
    seen = {"files": Observation("ok", {"/a": {"size": 1}}, blind=("/go",))}

    assert [] == list(diff(BASE, {**SEEN, **seen}))
    assert [] == changes(BASE, {**SEEN, **seen}, only=())


def test_a_failed_check_has_no_changes() -> None:
    assert {"files"} == {change.check for change in diff(BASE, SEEN)}


MOVES = [
    pytest.param({"/a": {"size": 9}, "/new": {"size": 3}}, [], id="as reviewed"),
    pytest.param({"/a": {"size": 9}, "/new": {"size": 3}, "/log": {"size": 5}}, [], id="an unrelated file moved"),
    pytest.param({"/a": {"size": 8}, "/new": {"size": 3}}, ["files /a"], id="its own item moved"),
    pytest.param({"/a": {"size": 9}}, ["files /new"], id="its own item vanished"),
    pytest.param(
        {"/a": {"size": 9}, "/new": {"size": 3}, "/gone": {"size": 2}}, ["files /gone"], id="removed came back"
    ),
]


@pytest.mark.parametrize(("items", "expected"), MOVES)
def test_moved(items: Dict[str, Value], expected: List[str]) -> None:
    plan = plan_of(("files",))

    assert expected == list(moved(plan, baseline=BASE, checks={"files": Observation("ok", items)}))


def test_a_plan_whose_check_cannot_look_does_not_fit() -> None:
    failed = {"files": Observation("failed", error="x")}

    assert {"files could not be checked"} == set(moved(plan_of(("files",)), baseline=BASE, checks=failed))


def test_the_name_is_over_everything_in_the_plan() -> None:
    names = {plan_of().name, plan_of(("files:/a",)).name, plan_of(("files:/new",)).name}

    assert 3 == len(names)
