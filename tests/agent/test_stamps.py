# SPDX-License-Identifier: GPL-3.0-or-later
"""Which checks must look again: those whose stamp moved, all of them when the stamps are not to be believed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.runs import World
from vps_sentry import memory
from vps_sentry.stamps import Stamps
from vps_sentry.tick import record


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    world = World(tmp_path, items={"a": {"n": 1}})
    world.accept()
    return world


def take(world: World) -> Stamps:
    return Stamps.take(world.setup(), memory.recall(world.store))


def test_nothing_moved_is_a_bypass_so_everything_is_looked_at(world: World) -> None:
    found = take(world)

    assert ({"things"}, True) == (set(found.moved), found.bypassed)


def test_what_moved_is_named(world: World) -> None:
    world.move()
    found = take(world)

    assert ({"things"}, False) == (set(found.moved), found.bypassed)


def test_a_moved_configuration_makes_everything_look(world: World) -> None:
    other = replace(world.setup(), watched_files=("/etc/hostname",))
    found = Stamps.take(other, memory.recall(world.store))

    assert ({"things"}, False) == (set(found.moved), found.bypassed)


def test_a_stamp_is_from_before_the_look(world: World) -> None:
    """What moves while the check looks must be seen by the next tick."""

    class Racing(World):
        def _collect(self, context):  # type: ignore[no-untyped-def]
            found = super()._collect(context)
            self.now += 1
            self.move()
            return found

    racing = Racing(world.path, items={"a": {"n": 1}})
    racing.run()
    _, _, stamps = record.loads((world.path / "state" / record.FILE).read_bytes())
    written = {value for name, _, _, value in stamps if name == "things"}
    (now,) = (value for (name, _), value in take(racing).values.items() if name == "things")

    assert {now} != written


@pytest.mark.parametrize("data", [b"", b"x" * 100, None])
def test_lost_stamps_mean_look(world: World, data: object) -> None:
    path = world.path / "state" / record.FILE
    if isinstance(data, bytes):
        path.write_bytes(data)
    else:
        path.unlink()

    assert ({"things"}, False) == (set(take(world).moved), take(world).bypassed)
