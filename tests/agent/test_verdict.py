# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict of a run: everything there is to say, each thing once, nothing resolved by a check that is blind."""

from __future__ import annotations

from pathlib import Path
from typing import Set

import pytest
from support.runs import World
from vps_sentry import memory, verdict
from vps_sentry.core.diff import diff
from vps_sentry.looking import look


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    world = World(tmp_path, items={"a": {"n": 1}, "root key": {"n": 2}})
    world.accept()
    return world


def codes(world: World) -> Set[str]:
    looked = look(world.setup(), memory.recall(world.store), everything=True)
    changes = diff(looked.before.baseline.checks, looked.checks)
    return {alert.code for alert in verdict.reach(world.setup(), looked, changes=changes, outcome=None).alerts}


def test_nothing_to_say(world: World) -> None:
    assert set() == codes(world)


def test_changes_footing_and_configuration_are_said_together(world: World) -> None:
    world.items["a"] = {"n": 9}
    world.config_error = "bad"
    for _ in range(3):
        world.store.count_busy()

    assert {"thing_changed", "config_invalid", "busy"} == codes(world)


def test_a_blind_check_resolves_nothing(world: World) -> None:
    world.items["a"] = {"n": 9}
    world.run()
    world.failing = "gone"

    assert {"thing_changed", "check_failed"} == codes(world)


@pytest.fixture(name="newly_seeing")
def _newly_seeing(tmp_path: Path) -> World:
    """Accepted while its check could not look, so the baseline knows nothing of that check."""
    world = World(tmp_path, items={f"item {number}": {"n": 1} for number in range(50)}, failing="no log")
    world.items["root key"] = {"n": 2}
    world.accept()
    world.failing = ""
    return world


def test_a_check_that_was_never_accepted_is_one_alert_and_no_flood(newly_seeing: World) -> None:
    """A release that brings a check must not wake a fleet with an alert for each item."""
    alerts = [alert for alert in newly_seeing.run().report.alerts if alert.state != "resolved"]

    assert ["check_unaccepted"] == [alert.code for alert in alerts]
    assert "accepting would trust 51 items, 1 of a critical class: root key" in alerts[0].detail


def test_its_alert_ends_by_acceptance(newly_seeing: World) -> None:
    newly_seeing.run()
    (ended,) = newly_seeing.accept(only=("things",)).report.alerts

    assert ("check_unaccepted", "resolved", "accepted") == (ended.code, ended.state, ended.explanation)
    assert () == newly_seeing.run().report.alerts
