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


def test_a_choice_of_what_is_watched_is_one_alert_at_most(world: World) -> None:
    world.items.update({f"new {number}": {"n": 1} for number in range(30)}, **{"new root": {"n": 1}, "real": {"n": 1}})
    del world.items["a"], world.items["root key"]
    world.unwatched, world.begun = frozenset({"a"}), frozenset(key for key in world.items if key.startswith("new"))
    report = world.run().report

    told = {alert.code: alert for alert in report.alerts}
    # What nobody chose is told as ever: one item gone, one that appeared.
    assert {"newly_watched", "thing_removed", "thing_added"} == set(told)
    assert (("root key", "real"), 3) == ((told["thing_removed"].key, told["thing_added"].key), len(report.alerts))
    assert "31 items, 1 of a critical class: new root" in told["newly_watched"].detail


def test_a_choice_of_what_is_watched_is_remembered_while_its_check_does_not_look(world: World) -> None:
    world.scheduled = True
    del world.items["a"]
    world.unwatched = frozenset({"a"})
    world.move()
    world.run()
    (world.path / "state" / "acks" / "x.json").write_text("{}")

    assert [] == [alert.code for alert in world.run().report.alerts]


def test_accepting_ends_what_has_begun(world: World) -> None:
    world.items["new"] = {"n": 1}
    world.begun = frozenset({"new"})
    assert ["newly_watched"] == [alert.code for alert in world.run().report.alerts]
    world.begun = frozenset()

    (ended,) = world.accept().report.alerts
    assert ("newly_watched", "resolved", "accepted") == (ended.code, ended.state, ended.explanation)
