# SPDX-License-Identifier: GPL-3.0-or-later
"""Root, or a broken restore, put a FIFO in the place of a state file: no tick waits for who never writes into it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Iterator

import pytest
from support.runs import World
from vps_sentry.errors import StoreError
from vps_sentry.store import Store
from vps_sentry.tick import heartbeat, record
from vps_sentry.tick.quiet import quiet

SECONDS = 20
_NOT_WRITTEN = (
    "config.last-good",
    "config.accepted",
    "things.index",
    "last_shipped.json",
    "baseline.json",
    "outbox.dropped",
)
"""By a run of this world: its check keeps no index, nothing is shipped, and a lost baseline is for people."""
# Every file of the state that a tick or a run reads; what is told of it, where losing it is worth a word.
READ = {
    record.FILE: "",
    "heartbeat": "",
    ".heartbeat.new": "",
    "running": "run_killed",
    "busy": "",
    "alerts.json": "state_damaged",
    "cursors.json": "state_damaged",
    "logins.json": "state_damaged",
    "baseline.json": "baseline_lost",
    "last.json": "",
    "last_shipped.json": "",
    "outbox.dropped": "",
    "config.last-good": "",
    "config.accepted": "",
    "things.index": "",
    "snapshot/things.json": "",
    "outbox/2-1764000000-0123456789abcdef.json": "state_damaged",
    "acks/2-1764000000-0123456789abcdef.json": "",
}


@pytest.fixture(autouse=True)
def _in_time() -> Iterator[None]:
    def late(*_: object) -> None:
        raise AssertionError("somebody waits for a FIFO")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    # The quiet tick reads the machine's own clocks.
    world = World(tmp_path, items={"a": {"n": 1}}, sinks={}, uptime=int(time.monotonic()))
    world.now = int(time.time()) - 600
    world.scheduled = True
    world.accept()
    world.now = int(time.time())
    world.run(after=0)
    return world


def put_fifo(world: World, name: str) -> None:
    path = world.path / "state" / name
    path.unlink(missing_ok=True)
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize("name", [record.FILE, "heartbeat", ".heartbeat.new"])
def test_a_quiet_tick_waits_for_no_fifo(world: World, name: str) -> None:
    put_fifo(world, name)
    found = quiet(str(world.path / "state"), bypass=False)

    assert (None if name != ".heartbeat.new" else 0) == found


@pytest.mark.parametrize(("name", "told"), sorted(READ.items()))
def test_a_run_waits_for_no_fifo_and_ends_with_a_sound_state(world: World, name: str, told: str) -> None:
    put_fifo(world, name)
    alerts = [alert.code for alert in world.run(after=0).report.alerts]

    assert alerts == [told] * bool(told)
    assert not (world.path / "state" / name).is_fifo() or name in _NOT_WRITTEN
    assert quiet(str(world.path / "state"), bypass=False) is not None


def test_a_busy_tick_waits_for_no_fifo_either(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "state"))
    store.prepare()
    os.mkfifo(tmp_path / "state" / "busy")

    with pytest.raises(StoreError, match="cannot write"):
        store.count_busy()


def test_a_heartbeat_is_written_over_what_lies_in_its_way(tmp_path: Path) -> None:
    (tmp_path / ".heartbeat.new").symlink_to(tmp_path / "elsewhere")
    heartbeat.write(str(tmp_path), b"2025-11-24T16:00:00Z run=1\n")

    assert not (tmp_path / "elsewhere").exists()
    assert b"2025-11-24T16:00:00Z run=1\n" == (tmp_path / "heartbeat").read_bytes()
