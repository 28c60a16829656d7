# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole story of runs: nothing trusted silently, every change told once, nothing lost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from support.runs import World, shipped, standing
from vps_sentry.errors import StoreError


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    return World(tmp_path, items={"a": {"n": 1}, "b": {"n": 2}})


def test_the_first_run_trusts_nothing_and_says_what_it_would_trust(world: World) -> None:
    first = world.run().report
    second = world.run().report

    assert [("no_baseline", "open", "baseline")] == standing(first)
    assert "2 items of things" in first.alerts[0].detail
    assert 3 == first.exit_code
    assert () == second.events
    assert world.store.read("baseline.json") is None


@pytest.mark.weakness(2)
def test_acceptance_trusts_what_was_seen_and_ends_the_alert(world: World) -> None:
    world.run()
    result = world.accept()

    assert result.outcome is not None
    assert ("accepted", 1) == (result.outcome.kind, result.report.baseline.sequence)
    assert [("no_baseline", "resolved", "baseline")] == standing(result.report)
    assert "resolved by acceptance #1 by anna" == result.report.alerts[0].detail
    assert 0 == world.run().report.exit_code


def test_a_change_is_told_once_and_once_when_it_ends(world: World) -> None:
    world.accept()
    world.items["a"] = {"n": 9}
    first = world.run().report
    second = world.run().report
    world.items["a"] = {"n": 1}
    third = world.run().report

    assert [("thing_changed", "open", "a")] == standing(first) == standing(second)
    assert [("thing_changed", "resolved", "a")] == standing(third)
    assert [1, 0, 1] == [len(report.events) for report in (first, second, third)]
    assert (3, 3, 0) == (first.exit_code, second.exit_code, third.exit_code)


@pytest.mark.weakness(15)
def test_a_bad_configuration_keeps_looking_with_exit_code_2(world: World) -> None:
    world.accept()
    world.config_error = "/etc/vps-sentry.json: checks.prots: unknown key"
    report = world.run().report

    assert [("config_invalid", "open", "configuration")] == standing(report)
    assert 2 == report.exit_code


def test_three_runs_that_gave_way_are_told_once_one_gets_through(world: World) -> None:
    world.accept()
    for _ in range(3):
        world.store.count_busy()

    assert ("busy", "open", "lock") in standing(world.run().report)
    assert 0 == world.store.busy()


def test_a_killed_run_is_told_by_the_next_and_once(world: World) -> None:
    world.run()
    (world.path / "state" / "running").write_text("999999")
    os.utime(world.path / "state" / "running", (world.now, world.now))

    assert ("run_killed", "open", "run") in standing(world.run().report)
    assert ["run_killed"] == [alert.code for alert in shipped(world)[-1].alerts]
    assert not (world.path / "state" / "running").exists()
    assert [] == [told for told, alert in world.run().report.events if alert.code == "run_killed"]
    assert ("run_killed", "resolved", "run") in standing(world.run(after=86400).report)


def test_a_defect_leaves_its_mark_an_error_that_is_said_does_not(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for error, left in ((StoreError("full"), False), (KeyboardInterrupt(), False), (ZeroDivisionError(), True)):
        with monkeypatch.context() as patch:
            patch.setattr("vps_sentry.recording.write", _raising(error))
            with pytest.raises(type(error)):
                world.run()
        assert left is (world.path / "state" / "running").exists(), error


def _raising(error: BaseException) -> Any:
    def write(*args: Any, **more: Any) -> None:
        raise error

    return write


def test_a_gap_is_told_by_scheduled_runs_alone(world: World) -> None:
    world.uptime = 10**6
    world.run()
    assert "run_overdue" not in [code for code, _, _ in standing(world.run(after=5000).report)]
    world.scheduled = True
    assert ("run_overdue", "open", "timer") in standing(world.run(after=5000).report)
