# SPDX-License-Identifier: GPL-3.0-or-later
"""The dead man's switch: a GET after each completed run, never without one, never in the way of a message."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import List, Optional

import pytest
from support.receiver import Answer
from support.shipping import START, Room
from vps_sentry.errors import ConfigError
from vps_sentry.ship import FRESH_SECONDS, PULSE, pulse
from vps_sentry.sinks import Routes
from vps_sentry.sinks._heartbeat import Heartbeat

SOURCE = Path(__file__).parents[3] / "agent" / "src"
ASKING = '{"notify": {"heartbeat": {"url": "https://beat.example/x"}}}'


def pulsed(room: Room, *, age: Optional[int] = 0, config: str = ASKING, **heartbeat: str) -> List[str]:
    """One sign of life, ``age`` seconds after the last completed run; what was logged."""
    (room.state / "vps-sentry.json").write_text(config)
    if age is not None:
        (room.state / "heartbeat").write_text("")
        os.utime(room.state / "heartbeat", (START - age, START - age))

    def ways() -> Routes:
        return room.routes()._replace(heartbeat=Heartbeat(**(heartbeat or {"url": room.receiver.url()})))

    lines: List[str] = []
    pulse(str(room.state), str(room.state / "vps-sentry.json"), routes=ways, now=START, log=lines.append)
    assert "s3cret-token" not in "".join(lines)
    return lines


def left(room: Room) -> object:
    return json.loads((room.state / PULSE).read_bytes())


def test_a_completed_run_is_a_plain_get(room: Room) -> None:
    lines = pulsed(room)

    assert [(r.method, r.path, r.body) for r in room.receiver.requests] == [("GET", "/hook/s3cret-token", b"")]
    assert lines == ["vps-sentry-ship: heartbeat localhost knows that this host is alive"]
    assert left(room) == {"error": "", "time": START}


def test_the_url_may_lie_in_a_file_of_its_own(room: Room) -> None:
    (room.state / "beat").write_text(room.receiver.url() + "\n")
    pulsed(room, url_file=str(room.state / "beat"))

    assert 1 == len(room.receiver.requests)


SILENT = [
    pytest.param(FRESH_SECONDS + 1, ASKING, "no run was completed just now", id="the run before was the last"),
    pytest.param(None, ASKING, "no run was completed just now", id="no run ever"),
    pytest.param(0, '{"notify": {}}', "", id="nobody waits for it"),
    pytest.param(0, '{"notify": {"heartbeat": null}}', "", id="as the example has it"),
]


@pytest.mark.parametrize(("age", "config", "words"), SILENT)
def test_silence(room: Room, age: Optional[int], config: str, words: str) -> None:
    lines = pulsed(room, age=age, config=config)

    assert [] == room.receiver.requests
    assert words in "".join(lines)
    assert bool(words) == bool(lines)


def test_a_failure_is_said_and_left_for_status_and_the_messages_go(room: Room) -> None:
    room.receiver.answers = [Answer(302, {"Location": "https://evil.example/"})]
    lines = pulsed(room)
    room.receiver.answers = [Answer()]
    room.put()

    assert "not given: localhost redirects (302)" in lines[0]
    assert "redirects (302)" in str(left(room))
    assert (0, ["sent"]) == room.ship()


def test_a_configuration_nobody_can_use_is_said(room: Room) -> None:
    room.refuse = ConfigError("it is broken")

    assert pulsed(room) == ["vps-sentry-ship: heartbeat not given: it is broken"]


def test_the_record_is_written_in_place_so_that_no_tick_is_woken(room: Room) -> None:
    pulsed(room)
    before = (room.state / "acks").stat()
    pulsed(room)

    assert (before.st_mtime_ns, before.st_ctime_ns) == (
        (room.state / "acks").stat().st_mtime_ns,
        (room.state / "acks").stat().st_ctime_ns,
    )


@pytest.mark.parametrize("make", [os.symlink, os.link], ids=["link", "second name"])
def test_a_record_that_leads_elsewhere_is_not_written(room: Room, make: object) -> None:
    """Root may run a pass too, and the ship user owns the directory."""
    (room.state / "victim").write_text("mine")
    make(room.state / "victim", room.state / PULSE)  # type: ignore[operator]
    lines = pulsed(room)

    assert "mine" == (room.state / "victim").read_text()
    assert "cannot be written" in lines[-1]


def test_where_nobody_waits_for_it_next_to_nothing_is_imported(room: Room) -> None:
    (room.state / "vps-sentry.json").write_text('{"notify": {"heartbeat": null}}')
    program = (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r}); from vps_sentry.ship import pulse; "
        f"pulse({str(room.state)!r}, {str(room.state / 'vps-sentry.json')!r}, routes=None, now=0, log=print); "
        "print(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)

    assert {"json", "re", "dataclasses", "typing", "socket", "ssl", "requests"} & set(run.stdout.split()) == set()
