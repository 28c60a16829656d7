# SPDX-License-Identifier: GPL-3.0-or-later
"""The state never grows for ever: what goes first, what never goes, and that a loss is counted and told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List

import pytest
from support.runs import World, standing
from vps_sentry import history, keeping
from vps_sentry.keeping import ALWAYS_KEPT, PLAN_LIFETIME, dropped, tidy

NOW = 1_764_000_000


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    return World(tmp_path, items={"a": {"n": 1}}, sinks={})


def put(world: World, name: str, *, age: int = 0, size: int = 1) -> None:
    path = world.store.path / name
    path.write_bytes(b"x" * size)
    os.utime(path, (NOW - age, NOW - age))


def test_a_plan_lives_for_a_day(world: World) -> None:
    put(world, "plans/old.json", age=PLAN_LIFETIME + 1)
    put(world, "plans/young.json", age=PLAN_LIFETIME - 1)
    tidy(world.store, now=NOW)

    assert ["young.json"] == world.store.names("plans")


CAPS = [
    pytest.param({"HISTORY_FILES": 50}, 50, id="too many"),
    pytest.param({"HISTORY_BYTES": 60}, 60, id="too large"),
    pytest.param({"HISTORY_FILES": 1}, ALWAYS_KEPT, id="the newest never go"),
    pytest.param({}, 100, id="below both caps nothing goes"),
]


@pytest.mark.parametrize(("caps", "left"), CAPS)
def test_of_the_history_the_oldest_go(
    world: World, caps: dict[str, int], left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in caps.items():
        monkeypatch.setattr(keeping, name, value)
    for number in range(100):
        put(world, f"history/{number:08d}.baseline.json", age=1000 - number)
    tidy(world.store, now=NOW)
    names = world.store.names("history")

    assert (left, "00000099.baseline.json") == (len(names), names[-1])


def test_acceptances_and_criticals_are_never_dropped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "OUTBOX_FILES", 2)
    names = ["0-0000000001-a.json", "1-0000000001-a.json", "1-0000000002-b.json"]
    for name in [*names, "2-0000000001-a.json", "2-0000000009-b.json", "3-0000000009-c.json"]:
        put(world, f"outbox/{name}")

    tidy(world.store, now=NOW)
    assert 3 == dropped(world.store)
    assert names == world.store.names("outbox")


def test_the_least_severe_and_oldest_go_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "OUTBOX_FILES", 2)
    for name in ("2-0000000001-a.json", "2-0000000009-b.json", "3-0000000099-c.json"):
        put(world, f"outbox/{name}")
    tidy(world.store, now=NOW)
    assert ["2-0000000001-a.json", "2-0000000009-b.json"] == world.store.names("outbox")

    put(world, "outbox/2-0000000010-d.json")
    tidy(world.store, now=NOW)
    assert 2 == dropped(world.store)
    assert ["2-0000000009-b.json", "2-0000000010-d.json"] == world.store.names("outbox")


def test_a_loss_is_counted_until_the_outbox_is_empty(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "OUTBOX_FILES", 1)
    for number in range(5):
        put(world, f"outbox/2-000000000{number}-a.json")
    tidy(world.store, now=NOW)
    tidy(world.store, now=NOW)
    assert 4 == dropped(world.store)
    for name in world.store.names("outbox"):
        world.store.remove(f"outbox/{name}")

    tidy(world.store, now=NOW)
    assert 0 == dropped(world.store)


def lost(world: World) -> List[str]:
    return [code for code, _, _ in standing(world.run().report) if code == "messages_dropped"]


def test_a_loss_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.sinks = World(world.path).sinks
    world.accept()
    monkeypatch.setattr(keeping, "OUTBOX_FILES", 1)
    for number in range(3):
        world.items["a"] = {"n": 10 + number}
        world.run()

    assert ["messages_dropped"] == lost(world)
    assert ["accepted"] == [entry.kind for entry in history.entries(world.store)]
