# SPDX-License-Identifier: GPL-3.0-or-later
"""Accepted for a time: at its end the values before hold again, numbered and told, and the difference is an alert."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

import pytest
from support.runs import World, shipped, standing
from vps_sentry import history
from vps_sentry.accept import Request
from vps_sentry.core import canonical
from vps_sentry.errors import ConfigError
from vps_sentry.sinks.webhook import Options as WebhookOptions
from vps_sentry.tick import record

HOURS = 3600


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    """A world with an accepted baseline and one changed item."""
    world = World(tmp_path, items={"a": {"n": 1}, "b": {"n": 2}}, sinks={})
    world.accept()
    world.items["a"] = {"n": 9}
    return world


def accepted(world: World) -> Any:
    return world.run(after=1).report.baseline.checks["things"]


def after(world: World, hours: int) -> List[Any]:
    return standing(world.run(after=hours * HOURS).report)


def test_it_holds_until_it_ends_and_the_change_alerts_again(world: World) -> None:
    world.accept(lifetime=2 * HOURS)

    assert [] == after(world, 1)
    assert {("thing_changed", "open", "a")} == set(after(world, 1))
    assert {"a": {"n": 1}, "b": {"n": 2}} == accepted(world)


def test_its_end_is_numbered_kept_and_told_before_the_alert(world: World) -> None:
    world.accept(lifetime=2 * HOURS, reason="one deployment")
    world.sinks = {"webhook": WebhookOptions(url="https://hook.example/x")}
    report = world.run(after=2 * HOURS).report

    assert 3 == report.baseline.sequence
    assert ["accepted", "accepted", "expired"] == [entry.kind for entry in history.entries(world.store)]
    assert ["acceptance", "alerts"] == [entry.kind for entry in shipped(world)]
    assert "baseline #3 expired by vps-sentry (0 added, 1 changed, 0 removed): end of #2 by anna: one deployment" == (
        shipped(world)[0].note
    )


def test_the_tick_wakes_for_it(world: World) -> None:
    world.accept(lifetime=2 * HOURS)

    assert world.now + 2 * HOURS == record.loads((world.path / "state" / record.FILE).read_bytes())[0]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        pytest.param({}, {"x": {"n": 1}}, id="what appeared is gone from the baseline again"),
        pytest.param({"x": {"n": 1}}, {}, id="what was removed is expected again"),
    ],
)
def test_added_and_removed(tmp_path: Path, before: Dict[str, Any], now: Dict[str, Any]) -> None:
    world = World(tmp_path, items=before)
    world.accept()
    world.items = now
    world.accept(lifetime=HOURS)
    world.run(after=2 * HOURS)

    assert before == accepted(world)


def test_what_was_accepted_since_for_good_stays(world: World) -> None:
    world.accept(lifetime=2 * HOURS)
    world.items["b"] = {"n": 7}
    world.accept()
    world.items["a"] = {"n": 11}
    world.accept(Request(by="anna", only=("things:a",)))
    world.run(after=3 * HOURS)

    assert {"a": {"n": 11}, "b": {"n": 7}} == accepted(world)


def test_naming_it_again_without_an_end_makes_it_stay(world: World) -> None:
    world.accept(lifetime=2 * HOURS)
    world.accept(Request(by="anna", only=("things:a",)))
    world.run(after=3 * HOURS)

    assert {"n": 9} == accepted(world)["a"]


def test_twice_for_a_time_goes_back_to_what_held_before_both(world: World) -> None:
    world.accept(lifetime=2 * HOURS)
    world.items["a"] = {"n": 11}
    world.accept(lifetime=4 * HOURS)
    assert [] == after(world, 3)
    world.run(after=2 * HOURS)

    assert {"n": 1} == accepted(world)["a"]


def test_a_lost_baseline_does_not_expire_into_one(world: World) -> None:
    world.accept(lifetime=2 * HOURS)
    (world.path / "state/baseline.json").unlink()

    assert ("baseline_lost", "open", "baseline") in after(world, 3)
    assert not (world.path / "state/baseline.json").exists()


def test_an_end_that_is_no_time_is_damage(world: World) -> None:
    world.accept(lifetime=2 * HOURS)
    document = world.store.read_json("baseline.json")
    document["temporary"][0]["until"] = "soon"
    (world.path / "state/baseline.json").write_bytes(canonical.dumps(document))

    assert "lost" == world.run().report.baseline.status


REFUSED = [
    pytest.param(False, {}, "nothing to go back to", id="the first acceptance"),
    pytest.param(True, {"login anna": {"user": "anna"}}, "cannot expire", id="a login is known for ever"),
]


@pytest.mark.parametrize(("accept", "learnable", "words"), REFUSED)
def test_what_cannot_end_is_not_accepted_for_a_time(
    tmp_path: Path, accept: bool, learnable: Dict[str, Any], words: str
) -> None:
    world = World(tmp_path, items={"a": {"n": 1}})
    if accept:
        world.accept()
    world.learnable = learnable
    with pytest.raises(ConfigError, match=words):
        world.accept(lifetime=HOURS)

    assert int(accept) == world.run().report.baseline.sequence
