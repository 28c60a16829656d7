# SPDX-License-Identifier: GPL-3.0-or-later
"""Which checks must look again: those whose stamp moved, all of them when the stamps are not to be believed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, FrozenSet, List, NoReturn, Tuple

import pytest
from support.runs import World
from vps_sentry import memory, report
from vps_sentry.checks import Stamp
from vps_sentry.pipeline import run_once
from vps_sentry.setup import Setup
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


def test_no_stamp_is_believed_beside_one_that_moved(world: World) -> None:
    """A1: who forges the stamps and keeps one thing moving must not keep the rest from ever being looked at."""
    world.move()
    found = Stamps.take(replace(world.setup(), bypass=True), memory.recall(world.store))

    assert ({"things"}, True) == (set(found.moved), found.bypassed)


def test_the_report_says_when_the_stamps_were_last_ignored(world: World) -> None:
    """A1: it stays said by the runs in which something moved."""
    world.scheduled = True
    world.run()
    at = report.read_last(world.store).stamps_bypassed_at
    world.move()
    world.run()

    assert at is not None
    assert report.read_last(world.store).stamps_bypassed_at == at
    world.run()
    assert report.read_last(world.store).stamps_bypassed_at == report.read_last(world.store).time != at


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


def with_another(world: World, stamps: Callable[..., Any]) -> Setup:
    """A scheduled run with a second check, ``idle``, that has run once."""
    setup = replace(world.setup(), scheduled=True)
    idle = replace(setup.checks["things"], name="idle", stamps=lambda *_: (("stat", ("/etc/hostname",)),))
    options = dict.fromkeys(("things", "idle"), setup.config.checks["things"])
    both = replace(setup, checks={**setup.checks, "idle": idle}, config=replace(setup.config, checks=options))
    run_once(replace(both, scheduled=False))
    return replace(both, checks={**both.checks, "idle": replace(idle, stamps=stamps)})


def never(*_: object) -> NoReturn:
    raise AssertionError("a check that did not move was asked for something")


def test_a_check_that_did_not_move_is_asked_for_nothing_and_its_stamps_stand(world: World) -> None:
    both = with_another(world, never)
    before = dict(entry_of(world, "idle"))
    world.move()
    run_once(both)

    assert (before, 1) == (dict(entry_of(world, "idle")), len(before))


def entry_of(world: World, check: str) -> List[Tuple[Stamp, bytes]]:
    _, _, stamps = record.loads((world.path / "state" / record.FILE).read_bytes())
    return [((kind, arguments), value) for name, kind, arguments, value in stamps if name == check]


def moved(world: World, setup: Setup, *, due: int) -> Tuple[FrozenSet[str], bool]:
    """What must look once something was handed over, ``due`` seconds before a full run is due anyway."""
    (world.path / "state" / "acks" / "x.json").write_text("{}")
    when, _, _ = record.loads((world.path / "state" / record.FILE).read_bytes())
    found = Stamps.take(replace(setup, now=when - due), memory.recall(world.store))
    return found.moved, found.bypassed


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        pytest.param(1, (frozenset(), False), id="a message was taken: nothing to look at"),
        pytest.param(0, (frozenset({"things"}), True), id="something is due as well"),
    ],
)
def test_what_was_handed_over_makes_no_check_look(world: World, due: int, expected: object) -> None:
    assert expected == moved(world, replace(world.setup(), scheduled=True), due=due)


@pytest.mark.parametrize("name", ["cursors.json", "baseline.json", "alerts.json", "logins.json"])
def test_a_state_file_that_moved_makes_everything_look(world: World, name: str) -> None:
    """Stamps are made of what an earlier run kept; where that was put back or edited, none of them says anything."""
    path = world.path / "state" / name
    path.write_bytes(path.read_bytes() + b"\n")
    setup = replace(world.setup(), scheduled=True)

    assert ({"things"}, False) == (set(take_with(setup).moved), take_with(setup).bypassed)


def take_with(setup: Setup) -> Stamps:
    return Stamps.take(setup, memory.recall(setup.store))
