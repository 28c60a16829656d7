# SPDX-License-Identifier: GPL-3.0-or-later
"""The quiet path: quiet only while nothing moved, and next to no imports."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from support.runs import World
from support.tree import ROOT
from vps_sentry.tick import heartbeat, record
from vps_sentry.tick.quiet import quiet

# All that a quiet tick may import: json alone would double its cost. Each name here is built in or next to it.
ALLOWED = {
    "_blake2", "_ctypes", "_sha2", "_sha256", "_socket", "_struct", "errno", "itertools", "marshal", "posix", "time",
    "gc", "vps_sentry",
}  # fmt: skip


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    """A world whose last run was a scheduled one a moment ago, by the real clocks."""
    world = World(tmp_path, items={"a": {"n": 1}})
    world.scheduled = True
    world.uptime = int(time.monotonic())
    world.now = int(time.time()) - 600
    world.accept()
    _now(world)
    return world


def _now(world: World) -> None:
    world.now = int(time.time())
    world.run(after=0)


def tick(world: World, *, bypass: Optional[bool] = False) -> Optional[int]:
    return quiet(str(world.path / "state"), bypass=bypass)


def test_nothing_moved_is_quiet_and_leaves_a_heartbeat(world: World) -> None:
    before = (world.path / "state" / "heartbeat").read_bytes()

    assert 0 == tick(world)
    after = (world.path / "state" / "heartbeat").read_bytes()
    assert heartbeat.run_of(before) + 1 == heartbeat.run_of(after)


def test_a_quiet_tick_writes_nothing_else(world: World) -> None:
    state = world.path / "state"
    before = {path: path.stat().st_mtime_ns for path in state.rglob("*") if path.is_file() and path.name != "heartbeat"}
    tick(world)

    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_a_quiet_tick_returns_the_stored_exit_code(world: World) -> None:
    world.items["a"] = {"n": 9}
    world.move()
    _now(world)

    assert 3 == tick(world)


STATE_MOVES = [
    pytest.param("marker", id="what the check stamps"),
    pytest.param("state/baseline.json", id="the baseline edited"),
    pytest.param("state/alerts.json", id="the alerts edited"),
    pytest.param("state/cursors.json", id="the cursors edited"),
    pytest.param("state/acks/x", id="an ack arrived"),
    pytest.param("state/outbox/x", id="the outbox touched"),
]


@pytest.mark.parametrize("name", STATE_MOVES)
def test_whatever_moved_wakes_the_typed_world(world: World, name: str) -> None:
    (world.path / name).write_bytes(b"moved")

    assert tick(world) is None


DAMAGES = [
    pytest.param(lambda path: path.unlink(), id="missing"),
    pytest.param(lambda path: path.write_bytes(b""), id="empty"),
    pytest.param(lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 3]), id="torn"),
    pytest.param(lambda path: path.write_bytes(b"\xff" * 500), id="foreign bytes, which would crash marshal"),
]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", [record.FILE, "heartbeat"])
def test_damaged_state_is_never_quiet(world: World, name: str, damage: Any) -> None:
    damage(world.path / "state" / name)

    assert tick(world) is None


def test_a_failed_check_is_tried_again_each_tick(world: World) -> None:
    world.failing = "gone"
    world.move()
    _now(world)

    assert tick(world) is None


def test_a_check_that_cannot_name_its_stamps_is_never_quiet(world: World) -> None:
    world.stampless = True
    world.move()
    _now(world)

    assert tick(world) is None


def test_a_due_moment_wakes_the_typed_world(world: World) -> None:
    state = world.path / "state"
    _, code, stamps = record.loads((state / record.FILE).read_bytes())
    (state / record.FILE).write_bytes(record.dumps(1, code, stamps=stamps))

    assert tick(world) is None


def test_stamps_are_not_believed_at_random(world: World) -> None:
    answers = [tick(world, bypass=None) for _ in range(300)]

    assert {0, None} == set(answers)


def test_only_what_moved_is_collected(world: World) -> None:
    before = world.collected
    world.move()
    world.run()
    assert before + 1 == world.collected

    world.items["a"] = {"n": 5}
    world.run()
    # Nothing moved although the run was not quiet: the stamps were bypassed, so the check looked anyway.
    assert before + 2 == world.collected


def test_what_the_quiet_path_took_is_not_taken_again(world: World) -> None:
    """The stamps the quiet path stopped at are those the run compares: a later look could miss what came between."""
    world.items["a"] = {"n": 5}
    world.move()
    taken: Dict[Any, bytes] = {}
    assert quiet(str(world.path / "state"), taken, bypass=False) is None

    before = world.collected
    world.taken = dict.fromkeys(taken, b"seen")
    _now(world)
    _, _, stamps = record.loads((world.path / "state" / record.FILE).read_bytes())
    assert before + 1 == world.collected
    assert {b"seen"} == {value for name, _, _, value in stamps if name == "things"}


KINDS = sorted(path.stem for path in (ROOT / "agent/src/vps_sentry/tick").glob("*.py") if path.stem != "__init__")


def imported(program: str, *arguments: str) -> List[str]:
    """What a fresh interpreter, started like the installed agent's, prints and has imported beyond its own."""
    command = [sys.executable, "-I", "-S", "-c", f"import sys; first = set(sys.modules)\n{program}"]
    source = str(ROOT / "agent" / "src")
    return subprocess.run([*command, source, *arguments], capture_output=True, text=True, check=True).stdout.split()


LIST = "print(*sorted(name for name in set(sys.modules) - first if not name.startswith('vps_sentry.tick.')))"


@pytest.mark.weakness(18)
def test_imports_of_a_quiet_tick(world: World) -> None:
    program = (
        "sys.path.insert(0, sys.argv[1])\n"
        "from vps_sentry.tick.quiet import quiet\n"
        f"print(quiet(sys.argv[2], bypass=False))\n{LIST}"
    )
    answer = imported(program, str(world.path / "state"))

    assert "0" == answer[0]
    assert set() == set(answer[1:]) - ALLOWED - {"vps_sentry.tick"}


@pytest.mark.weakness(18)
@pytest.mark.parametrize("kind", KINDS)
def test_imports_of_a_stamp(kind: str) -> None:
    """Whatever a check may name as its stamp, on the hosts that have it and on those that have not."""
    answer = imported(f"sys.path.insert(0, sys.argv[1])\nimport vps_sentry.tick.{kind}\n{LIST}")

    assert set() == set(answer) - ALLOWED - {"vps_sentry.tick"}


def test_a_tick_long_after_the_last_one_is_not_quiet(world: World) -> None:
    """Runs that were killed before they could note anything, or a timer that stood still, must be told."""
    path = world.path / "state" / "heartbeat"
    rest = path.read_bytes()[20:]
    for ago, quiet_again in ((heartbeat.OVERDUE - 60, True), (heartbeat.OVERDUE + 60, False)):
        then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago))
        path.write_bytes(then.encode() + rest)
        assert (tick(world) is not None) is quiet_again
