# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's side of shipping: real alerts go out once, the ship process is believed nothing unchecked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, List

import pytest
from support.runs import World, shipped, standing
from vps_sentry import outbox
from vps_sentry.config import Accept, Delivery


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    return World(tmp_path, items={"a": {"n": 1}, "b": {"n": 2}})


def test_acceptances_are_shipped_before_what_they_resolve(world: World) -> None:
    world.run()
    world.accept()

    assert ["acceptance", "alerts", "alerts"] == [entry.kind for entry in shipped(world)]
    assert shipped(world)[0].note.startswith("baseline #1 accepted by anna (2 added, 0 changed, 0 removed): reviewed")


def test_without_a_sink_nothing_piles_up(world: World) -> None:
    world.sinks = {}
    world.run()

    assert [] == world.store.names("outbox")


def test_a_done_ack_removes_the_entry_and_a_foreign_one_removes_nothing(world: World) -> None:
    world.run()
    (name,) = world.store.names("outbox")
    entry = shipped(world)[0]
    forged = outbox.Ack(id="f" * 32, entry=name, done=True)
    world.store.write(f"acks/{name}", outbox.encode_ack(forged))
    world.run()
    assert [name] == world.store.names("outbox")

    world.store.write(f"acks/{name}", outbox.encode_ack(outbox.Ack(id=entry.id, entry=name, done=True, reason="sent")))
    world.run()
    assert [] == world.store.names("outbox")
    assert entry.time == world.store.read_json("last_shipped.json")["time"]


ACKS = [
    pytest.param(lambda path: path.write_bytes(b"\xff" * 100), id="garbage"),
    pytest.param(lambda path: path.write_bytes(b" " * 100_000), id="huge"),
    pytest.param(lambda path: path.symlink_to("/etc/passwd"), id="a link"),
    pytest.param(os.mkfifo, id="a fifo does not hang the run"),
    pytest.param(lambda path: path.mkdir(), id="a directory"),
]


@pytest.mark.parametrize("plant", ACKS)
def test_a_hostile_ack_removes_no_entry(world: World, plant: Any) -> None:
    world.run()
    (name,) = world.store.names("outbox")
    plant(world.path / "state" / "acks" / name)
    world.run()

    assert [name] == world.store.names("outbox")
    assert Path("/etc/passwd").exists()


def test_a_damaged_entry_is_kept_aside_and_what_stands_is_told_again(world: World) -> None:
    world.run()
    (name,) = world.store.names("outbox")
    (world.path / "state" / "outbox" / name).write_bytes(b"torn")
    report = world.run().report

    assert [b"torn"] == [path.read_bytes() for path in (world.path / "state" / "damaged").iterdir()]
    assert ("state_damaged", "open", f"outbox/{name}") in standing(report)
    assert {"no_baseline", "state_damaged"} == {alert.code for alert in shipped(world)[0].alerts}


def test_junk_acks_are_cleared_a_bounded_number_a_run(world: World) -> None:
    world.sinks = {}
    for number in range(1500):
        (world.path / "state" / "acks" / f"junk-{number}").touch()
    world.run()

    assert 500 == len(world.store.names("acks"))


def test_what_was_opened_without_a_sink_is_told_once_there_is_one(world: World) -> None:
    sinks, world.sinks = world.sinks, {}
    world.run()
    world.sinks = sinks
    world.run()
    world.run()

    assert [["no_baseline"]] == [[alert.code for alert in entry.alerts] for entry in shipped(world)]


def test_an_unshipped_message_becomes_an_alert_after_an_hour(world: World) -> None:
    world.run()

    assert "ship_stuck" not in [code for code, _, _ in standing(world.run(after=3000).report)]
    assert "ship_stuck" in [code for code, _, _ in standing(world.run(after=3600).report)]


def test_a_managed_host_keeps_to_itself_that_it_has_no_baseline_yet(world: World) -> None:
    world.fleet = Accept("f")
    report = world.run().report
    world.run()

    assert ("no_baseline", "open", "baseline") in standing(report), "the controller and a person there still see it"
    assert [] == shipped(world)


BARS = [
    pytest.param(Delivery(), ["a", "root key"], id="everything from warning on"),
    pytest.param(Delivery(mode="critical"), ["root key"], id="criticals only"),
    pytest.param(Delivery(min_severity="critical"), ["root key"], id="the bar set to critical"),
    pytest.param(Delivery(mode="controller"), [], id="the controller reads bundles, nothing is sent"),
]


@pytest.mark.parametrize(("delivery", "expected"), BARS)
def test_what_is_loud_enough(world: World, delivery: Delivery, expected: List[str]) -> None:
    world.items["root key"] = {"n": 1}
    world.accept()
    for name in world.store.names("outbox"):
        world.store.remove(f"outbox/{name}")
    world.delivery = delivery
    world.items.update({"a": {"n": 9}, "root key": {"n": 9}})
    world.run()

    assert expected == sorted(alert.key for entry in shipped(world) for alert in entry.alerts)


def test_entries_are_for_the_group_that_ships_and_status_for_all(world: World) -> None:
    world.run()
    (name,) = world.store.names("outbox")
    modes = {path: oct((world.path / "state" / path).stat().st_mode & 0o777) for path in MODES}

    assert MODES == modes
    assert "0o640" == oct((world.path / "state" / "outbox" / name).stat().st_mode & 0o777)


MODES = {"public/status.json": "0o644", "last.json": "0o600", "alerts.json": "0o600", "lock": "0o600"}
