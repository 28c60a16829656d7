# SPDX-License-Identifier: GPL-3.0-or-later
"""The door of the ship room: what an empty outbox means, and what it costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.shipping import Room
from vps_sentry.core import canonical

SOURCE = Path(__file__).parents[3] / "agent" / "src"


def test_nothing_to_ship_asks_for_no_configuration(room: Room) -> None:
    room.refuse = AssertionError("asked")
    assert room.ship() == (0, ["nothing-to-ship"])


def test_a_state_that_never_ran_is_said(room: Room) -> None:
    (room.state / "outbox").rmdir()
    assert room.ship() == (0, ["nothing-to-ship"])
    assert "has vps-sentry run" in room.lines[0]


def test_an_unreadable_outbox_is_no_empty_outbox(room: Room) -> None:
    (room.state / "outbox").rmdir()
    (room.state / "outbox").write_text("")
    assert room.ship() == (4, ["upload-failure"])


T1, T2 = "2026-10-01T12:00:00Z", "2026-10-01T12:05:00Z"
IDLE = [
    (
        "the last report is the one shipped",
        {"last.json": {"time": T1}, "last_shipped.json": {"time": T1}},
        "duplicate-ts",
    ),
    ("a newer report", {"last.json": {"time": T2}, "last_shipped.json": {"time": T1}}, "nothing-to-ship"),
    ("never shipped", {"last.json": {"time": T1}}, "nothing-to-ship"),
    ("both without time", {"last.json": {}, "last_shipped.json": {}}, "nothing-to-ship"),
    ("both empty", {"last.json": {"time": ""}, "last_shipped.json": {"time": ""}}, "nothing-to-ship"),
    ("both null", {"last.json": {"time": None}, "last_shipped.json": {"time": None}}, "nothing-to-ship"),
    (
        "a time inside an item is not the report's",
        {
            "last.json": {"alerts": [{"detail": '","time":"' + T1 + '"', "time": T1}], "time": T2},
            "last_shipped.json": {"time": T1},
        },
        "nothing-to-ship",
    ),
    ("only the public summary is readable", {"public/status.json": {"time": T1, "last_shipped": T1}}, "duplicate-ts"),
    ("the public summary is newer", {"public/status.json": {"time": T2, "last_shipped": T1}}, "nothing-to-ship"),
    ("the public summary never shipped", {"public/status.json": {"time": T2}}, "nothing-to-ship"),
]


@pytest.mark.weakness(14)
@pytest.mark.parametrize(("files", "reason"), [case[1:] for case in IDLE], ids=[case[0] for case in IDLE])
def test_an_empty_outbox_says_whether_the_report_was_shipped(room: Room, files: dict[str, Any], reason: str) -> None:
    (room.state / "public").mkdir()
    for name, content in files.items():
        (room.state / name).write_bytes(canonical.dumps(content) + b"\n")
    assert room.ship() == (0, [reason])


def test_an_idle_pass_imports_next_to_nothing(room: Room) -> None:
    (room.state / "public").mkdir()
    (room.state / "public" / "status.json").write_bytes(canonical.dumps({"time": T1, "last_shipped": T1}))
    program = (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r}); from vps_sentry.ship import ship; "
        f"ship({str(room.state)!r}, None, clock=None, log=print); print(*sys.modules, sep='\\n')"
    )
    run = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    line, *modules = run.stdout.splitlines()
    assert line.startswith("vps-sentry-ship: duplicate-ts ")
    heavy = {"json", "re", "dataclasses", "typing", "subprocess", "logging", "socket", "ssl", "requests", "enum"}
    assert heavy & set(modules) == set()
