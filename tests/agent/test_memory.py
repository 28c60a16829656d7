# SPDX-License-Identifier: GPL-3.0-or-later
"""State files after a power cut: kept aside and named, never taken for empty ones."""

from __future__ import annotations

from pathlib import Path

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
