# SPDX-License-Identifier: GPL-3.0-or-later
"""Listeners that change hands without a trace in any list of sockets: what the next tick sees, and what the hour."""

from __future__ import annotations

import textwrap

import pytest
from support.alone import PORTS, alone

WATCH = """
from vps_sentry.tick import take
def remember():
    global stamps
    memory = collect().memory
    stamps = ports.stamps(None, None, memory)
def tick():
    try:
        print(all(take(*stamp) == b"" for stamp in stamps) and "unmoved" or "moved")
    except OSError:
        print("moved")
def hold(*links, program=("sleep", "60")):
    return subprocess.Popen(program, pass_fds=[link.fileno() for link in links])
a = tcp(443)
"""
EXEC = "import os, sys, time; sys.stdin.readline(); os.execvp('sleep', ['sleep', '60'])"


@pytest.mark.weakness(11)
def test_the_next_tick_sees_that_the_oldest_holder_let_go() -> None:
    """Same protocol, address, port, user and inode: handed over and closed (A6)."""
    script = """
    remember()
    child = hold(a)
    tick()
    a.close()
    tick()
    remember()
    tick()
    """
    assert alone(PORTS + WATCH + textwrap.dedent(script)) == ["unmoved", "moved", "unmoved"]


@pytest.mark.weakness(11)
def test_the_next_tick_sees_that_the_holder_became_another_program() -> None:
    script = f"""
    child = subprocess.Popen([sys.executable, "-I", "-c", {EXEC!r}], pass_fds=[a.fileno()], stdin=subprocess.PIPE)
    a.close()
    remember()
    tick()
    child.stdin.write(b"go\\n")
    child.stdin.close()
    while not os.readlink(f"/proc/{{child.pid}}/exe").endswith("sleep"):
        time.sleep(0.05)
    tick()
    """
    assert alone(PORTS + WATCH + textwrap.dedent(script)) == ["unmoved", "moved"]


def test_workers_that_come_and_go_beside_the_oldest_holder_wake_nobody() -> None:
    script = """
    child = hold(a)
    remember()
    child.kill()
    child.wait()
    tick()
    other = hold(a)
    tick()
    """
    assert alone(PORTS + WATCH + textwrap.dedent(script)) == ["unmoved", "unmoved"]


def test_a_program_that_joins_beside_the_oldest_holder_is_found_within_the_hour() -> None:
    """No list says so and no process did anything; the look that is due by then does."""
    script = """
    remember()
    child = hold(a)
    tick()
    (kind, (seal, until, *rest)), = stamps
    print(0 < until - time.time() <= 3600)
    stamps = ((kind, (seal, int(time.time()) - 1, *rest)),)
    tick()
    print(len(collect().items["tcp:443:wildcard"]["owners"]))
    """
    assert alone(PORTS + WATCH + textwrap.dedent(script)) == ["unmoved", "True", "moved", "2"]
