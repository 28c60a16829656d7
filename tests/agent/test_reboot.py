# SPDX-License-Identifier: GPL-3.0-or-later
"""Just after a boot: what is missing may still be starting, what is there counts at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List

import pytest
from support.runs import World, standing
from vps_sentry.looking import BOOT_SECONDS
from vps_sentry.tick import record

GONE = ("thing_removed", "open", "tcp:443")


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    """A host with two accepted listeners that has been up for long, and now boots: one has not started yet."""
    world = World(tmp_path, items={"tcp:22": {"n": 1}, "tcp:443": {"n": 1}}, settles=True, sinks={}, scheduled=True)
    world.accept()
    world.run()
    del world.items["tcp:443"]
    world.move()
    world.uptime = 60
    return world


def booted(world: World, *, uptime: int = 60) -> List[Any]:
    world.uptime = uptime
    world.move()
    return standing(world.run().report)


def test_one_tick_misses_nothing_the_second_does(world: World) -> None:
    assert [] == booted(world)
    assert [GONE] == booted(world, uptime=360)


def test_what_has_started_by_then_was_never_missing(world: World) -> None:
    assert [] == booted(world)
    world.items["tcp:443"] = {"n": 1}
    assert [] == booted(world, uptime=360)


def test_the_next_tick_looks_again_even_where_nothing_moves(world: World) -> None:
    booted(world)

    assert record.loads((world.path / "state" / record.FILE).read_bytes())[0] - world.now < 300


def test_what_is_there_never_waits(world: World) -> None:
    world.items["tcp:4444"] = {"n": 1}
    world.items["tcp:22"] = {"n": 9}

    assert {("thing_added", "open", "tcp:4444"), ("thing_changed", "open", "tcp:22")} == set(booted(world))


def test_later_nothing_waits(world: World) -> None:
    assert [GONE] == booted(world, uptime=BOOT_SECONDS)


def test_a_check_that_does_not_settle_never_waits(world: World) -> None:
    """A file that is gone is gone."""
    world.settles = False

    assert [GONE] == booted(world)


def test_what_was_missing_before_the_boot_stays_an_alert(tmp_path: Path) -> None:
    world = World(tmp_path, items={"tcp:443": {"n": 1}}, settles=True, sinks={})
    world.accept()
    world.items = {}
    assert [GONE] == standing(world.run().report)

    assert [GONE] == booted(world)
