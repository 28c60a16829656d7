# SPDX-License-Identifier: GPL-3.0-or-later
"""A lost baseline is critical and never learnt again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from support.runs import World, standing
from vps_sentry import baseline


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    return World(tmp_path, items={"a": {"n": 1}, "b": {"n": 2}})


LOSSES = [
    pytest.param(lambda path: path.unlink(), id="deleted"),
    pytest.param(lambda path: path.write_bytes(b""), id="empty after a power cut"),
    pytest.param(lambda path: path.write_bytes(path.read_bytes()[:40]), id="torn"),
    pytest.param(lambda path: path.write_bytes(path.read_bytes().replace(b'"n":1', b'"n":9')), id="edited"),
]


@pytest.mark.weakness(1)
@pytest.mark.parametrize("known", [pytest.param(False, id="not read yet"), pytest.param(True, id="found sound before")])
@pytest.mark.parametrize("lose", LOSSES)
def test_a_lost_baseline_is_critical_and_never_learnt_again(world: World, lose: Any, known: bool) -> None:
    world.accept()
    if known:
        world.run()
    world.items["a"] = {"n": 9}
    lose(world.path / "state" / "baseline.json")
    for _ in range(2):
        report = world.run().report

        assert ("baseline_lost", "open", "baseline") in standing(report)
        assert "critical" == report.alerts[0].severity
    again = world.accept().report
    assert ("accepted", 2) == (again.baseline.status, again.baseline.sequence)


def test_history_alone_shows_that_a_baseline_was_lost(world: World) -> None:
    world.accept()
    for name in ("baseline.json", "cursors.json"):
        (world.path / "state" / name).unlink()

    assert ("baseline_lost", "open", "baseline") in standing(world.run().report)


def test_a_baseline_found_sound_is_believed_byte_for_byte_only(world: World) -> None:
    world.accept()
    found = baseline.load(world.store, last_sequence=1)
    again = baseline.load(world.store, last_sequence=1, seal=found.seal)
    assert (found, "accepted") == (again, again.status)

    data = world.store.read("baseline.json") or b""
    world.store.write("baseline.json", data.replace(b'"n":1', b'"n":9'))
    assert "lost" == baseline.load(world.store, last_sequence=1, seal=found.seal).status


def test_a_cloned_state_directory_is_no_baseline(world: World) -> None:
    world.accept()
    (world.path / "root" / "etc" / "machine-id").write_text("f" * 32)
    report = world.run().report

    assert [("no_baseline", "open", "baseline")] == standing(report)
    assert "cloned from machine" in report.alerts[0].detail


@pytest.mark.weakness(4)
def test_the_baseline_before_is_kept(world: World) -> None:
    world.accept()
    first = world.store.read("baseline.json")
    world.items["a"] = {"n": 9}
    world.accept()

    assert first == world.store.read("history/00000001.baseline.json")
    assert 2 == baseline.load(world.store, last_sequence=2).sequence


def test_the_documented_reset_begins_anew(world: World) -> None:
    world.accept()
    shutil.rmtree(world.path / "state")
    world.store.prepare()

    assert "none" == baseline.load(world.store, last_sequence=0).status
    assert [("no_baseline", "open", "baseline")] == standing(world.run().report)


def test_what_stood_open_does_not_end_because_the_baseline_is_lost(world: World) -> None:
    world.accept()
    world.items["a"] = {"n": 9}
    world.run()
    (world.path / "state/baseline.json").unlink()

    assert ("thing_changed", "open", "a") in standing(world.run().report)


def test_an_old_baseline_put_back_is_lost_not_believed(world: World) -> None:
    """Root on the host restores the copy in which its key was not yet missed; going back has a command."""
    world.accept()
    world.items["a"] = {"n": 2}
    world.accept()
    old = (world.path / "state" / baseline.history_name(1)).read_bytes()
    (world.path / "state" / baseline.FILE).write_bytes(old)
    (found,) = (alert for alert in world.run().report.alerts if alert.code == "baseline_lost")

    assert "baseline.json is #1, but #2 was accepted" in found.detail
