# SPDX-License-Identifier: GPL-3.0-or-later
"""Each check behind its own bulkhead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.runs import World, standing


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    return World(tmp_path, items={"a": {"n": 1}, "b": {"n": 2}})


def test_a_failing_check_is_an_alert_and_hides_nothing(world: World) -> None:
    world.accept()
    world.items["a"] = {"n": 9}
    world.run()
    world.failing = "the source is gone"
    blind = world.run().report

    assert {("thing_changed", "open", "a"), ("check_failed", "open", "things")} == set(standing(blind))
    assert "failed" == json.loads(world.store.read("last.json") or b"")["checks"]["things"]["status"]
    world.failing = ""
    assert ("check_failed", "resolved", "things") in standing(world.run().report)


def test_a_check_that_never_worked_is_exit_code_4(world: World) -> None:
    world.failing = "no source"
    world.run()
    (world.path / "state" / "alerts.json").unlink()
    report = world.accept().report

    assert 4 == report.exit_code


def test_a_defect_in_a_check_is_that_checks_failure(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.failing = "defect"
    report = world.run().report

    assert "defect in check things: ZeroDivisionError; see the log of this run" == report.observations["things"].error
    assert "Traceback" in capsys.readouterr().err
