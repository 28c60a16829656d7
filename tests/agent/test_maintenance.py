# SPDX-License-Identifier: GPL-3.0-or-later
"""A maintenance window: delays words, never looks; nothing critical waits, and the end lists what happened."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest
from support.runs import World, shipped
from vps_sentry import history, maintenance
from vps_sentry.deliveries import Outlet
from vps_sentry.errors import ConfigError
from vps_sentry.maintenance import Request
from vps_sentry.report import Identity
from vps_sentry.store import WINDOW

HOUR = 3600


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    world = World(tmp_path, items={"a": {"n": 1}, "b": {"n": 1}, "root key": {"n": 1}})
    world.accept()
    deliver(world)
    return world


def deliver(world: World) -> None:
    """As if everything had been sent."""
    for name in world.store.names("outbox"):
        world.store.remove(f"outbox/{name}")


def begin(world: World, *, seconds: int = 2 * HOUR) -> None:
    setup = world.setup()
    outlet = Outlet(setup.store, setup.config, Identity("web-1", world.machine, "0"), setup.now)
    maintenance.begin(setup, outlet, request=Request("anna", "deploy 42", seconds))


def told(world: World) -> List[str]:
    """Keys of alerts and notes that wait in the outbox, in the order in which they are sent."""
    return [
        text for entry in shipped(world) for text in ([entry.note] if entry.note else [a.key for a in entry.alerts])
    ]


def test_opening_it_is_on_record_and_told(world: World) -> None:
    begin(world)
    (note,) = told(world)

    assert note.startswith("maintenance window of anna until 20")
    assert note.endswith(": only critical alerts are told at once: deploy 42")
    assert [note] == [entry.sentence() for entry in history.entries(world.store) if entry.kind == "window"]


def test_only_what_is_critical_is_told_while_it_is_open(world: World) -> None:
    begin(world)
    deliver(world)
    world.items.update({"a": {"n": 2}, "root key": {"n": 2}})
    report = world.run().report

    assert ["root key"] == told(world)
    assert {"a", "root key"} == {alert.key for alert in report.alerts}, "everything is looked at and recorded"
    assert 3 == report.exit_code


def test_its_end_lists_what_happened_and_tells_what_stands(world: World) -> None:
    begin(world)
    world.items.update({"a": {"n": 2}, "b": {"n": 2}, "root key": {"n": 2}})
    world.run()
    world.items["b"] = {"n": 1}
    world.run()
    deliver(world)
    world.run(after=2 * HOUR)

    note, *keys = told(world)
    assert "over, it was open from 20" in note
    assert "(deploy 42); critical and told at once: 1, held back: 2" in note
    assert "still so, told with the next message: a moved; no longer so: b moved" in note
    assert ["a"] == keys
    assert not world.store.glance(WINDOW)
    deliver(world)
    world.run()
    assert [] == told(world), "once"


def test_the_end_of_an_alert_told_before_is_in_the_list(world: World) -> None:
    world.items["a"] = {"n": 2}
    world.run()
    begin(world)
    world.items["a"] = {"n": 1}
    world.run()
    deliver(world)
    world.run(after=2 * HOUR)

    (note,) = told(world)
    assert note.endswith("no longer so: a moved")


def test_the_tick_wakes_for_its_end(world: World) -> None:
    begin(world, seconds=HOUR)
    until = world.now + HOUR
    world.run()

    assert f" due={until}" in (world.store.read("heartbeat") or b"").decode()


def test_closing_it_ends_it_with_the_next_run(world: World) -> None:
    begin(world)
    world.items["a"] = {"n": 2}
    world.run()
    deliver(world)
    assert maintenance.finish(world.setup()) is not None
    world.run(after=1)

    assert ["a"] == told(world)[1:]
    assert maintenance.finish(world.setup()) is None


def test_opening_it_again_goes_on_with_the_same_list(world: World) -> None:
    begin(world, seconds=HOUR)
    world.items["a"] = {"n": 2}
    world.run()
    begin(world, seconds=3 * HOUR)
    deliver(world)
    world.run(after=2 * HOUR)
    world.run(after=2 * HOUR)

    assert "held back: 1" in told(world)[0]
    assert ["a"] == told(world)[1:]


@pytest.mark.parametrize("damage", [b"{}", b"no JSON", b'{"schema":1}'])
def test_a_damaged_window_is_none(world: World, damage: bytes) -> None:
    world.store.write(WINDOW, damage)
    world.items["a"] = {"n": 2}
    world.run()

    assert ["a"] == told(world)


def test_a_clock_put_back_before_its_beginning_ends_it(world: World) -> None:
    begin(world)
    deliver(world)
    world.items["a"] = {"n": 2}
    world.run(after=-HOUR)

    assert ["a"] == told(world)[1:]


@pytest.mark.parametrize("text", ["", "0s", "25h", "soon", "-1h"])
def test_no_window_without_an_end_within_a_day(text: str) -> None:
    with pytest.raises(ConfigError, match="--for: "):
        maintenance.length(text)
