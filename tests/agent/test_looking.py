# SPDX-License-Identifier: GPL-3.0-or-later
"""One look: only a scheduled run leaves a check out, and only while its last observation is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.runs import World
from vps_sentry import memory
from vps_sentry.looking import look
from vps_sentry.pipeline import run_once


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    world = World(tmp_path, items={"a": {"n": 1}})
    world.accept()
    world.scheduled = True
    return world


def collected(world: World, *, everything: bool = False) -> int:
    before = world.collected
    found = look(world.setup(), memory.recall(world.store), everything=everything)
    assert {"things"} == set(found.checks)
    return world.collected - before


def test_what_did_not_move_is_taken_from_the_disk(world: World, tmp_path: Path) -> None:
    """Beside the check whose stamp moved stands one whose stamp did not."""
    idle = World(tmp_path / "idle", items={"b": {"n": 2}})
    setup = world.setup()
    checks = {**setup.checks, "idle": idle.setup().checks["things"]}
    options = dict.fromkeys(checks, setup.config.checks["things"])
    both = replace(setup, checks=checks, config=replace(setup.config, checks=options))
    run_once(replace(both, scheduled=False))
    before = (world.collected, idle.collected)
    world.move()
    found = look(both, memory.recall(world.store), everything=False)

    assert (before[0] + 1, before[1]) == (world.collected, idle.collected)
    assert {"b": {"n": 2}} == found.checks["idle"].items


def test_a_person_sees_everything_anew(world: World) -> None:
    world.scheduled = False

    assert 1 == collected(world)


def test_an_acceptance_sees_everything_anew(world: World) -> None:
    assert 1 == collected(world, everything=True)


def test_a_lost_observation_is_made_anew(world: World) -> None:
    (world.path / "state/snapshot/things.json").write_bytes(b"torn")

    assert 1 == collected(world)


def test_a_disabled_check_is_skipped_with_a_reason(world: World) -> None:
    setup = world.setup()
    off = replace(setup.config, checks={"things": replace(setup.config.checks["things"], enabled=False)})
    found = look(replace(setup, config=off), memory.recall(world.store), everything=True)

    assert ("skipped", "disabled by the configuration") == (found.checks["things"].status, found.checks["things"].error)
