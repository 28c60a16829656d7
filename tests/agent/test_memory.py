# SPDX-License-Identifier: GPL-3.0-or-later
"""State files after a power cut: kept aside and named, never taken for empty ones."""

from __future__ import annotations

from pathlib import Path
from typing import Tuple

import pytest
from support.runs import World


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    return World(tmp_path, items={"a": {"n": 1}, "b": {"n": 2}})


@pytest.mark.parametrize("name", ["alerts.json", "cursors.json", "logins.json"])
def test_a_damaged_state_file_is_kept_aside_and_told(world: World, name: str) -> None:
    world.accept()
    (world.path / "state" / name).write_text('{"torn":')
    report = world.run().report

    assert [name] == [alert.key.rpartition("/")[2] for alert in report.alerts if alert.code == "state_damaged"]
    assert [b'{"torn":'] == [path.read_bytes() for path in (world.path / "state" / "damaged").iterdir()]


LOST_RUNS = [
    pytest.param((), 0, id="nothing is lost"),
    pytest.param(("cursors.json",), 0, id="the heartbeat knows it"),
    pytest.param(("heartbeat",), 1000, id="quiet ticks may have ended since the last full run"),
    pytest.param(("heartbeat", "cursors.json"), 1000, id="two other files know it as well"),
    pytest.param(("heartbeat", "cursors.json", "logins.json"), 1000, id="one other file"),
    pytest.param(("heartbeat", "cursors.json", "alerts.json"), 1000, id="the other one"),
]


@pytest.mark.parametrize(("lost", "leap"), LOST_RUNS)
def test_a_run_number_never_comes_twice(world: World, lost: Tuple[str, ...], leap: int) -> None:
    """A controller takes a number that it has seen for a replay, and a lower one for a rollback."""
    world.accept()
    before = world.run().report.run
    for name in lost:
        (world.path / "state" / name).write_bytes(b"" if name == "heartbeat" else b'{"torn":')

    assert before + leap + 1 == world.run().report.run


def test_a_new_state_begins_with_run_one(world: World) -> None:
    assert 1 == world.run().report.run
