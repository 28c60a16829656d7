# SPDX-License-Identifier: GPL-3.0-or-later
"""Datagram ports that come and go: no tick is woken by them, and none that stays is missed."""

from __future__ import annotations

import textwrap

import pytest
from support.alone import PORTS, alone

QUIET = """
import tempfile
with tempfile.TemporaryDirectory() as state:
    os.mkdir(state + "/stamps")
    def remember(memory):
        flat = tuple(("ports", *stamp, b"") for stamp in ports.stamps(None, None, memory))
        open(state + "/" + record.FILE, "wb").write(record.dumps(int(time.time()) + 600, 0, stamps=flat))
        heartbeat.write(state, heartbeat.line((int(time.time()), int(time.monotonic())), run=1, code=0, due=0))
    def tick():
        print(quiet.quiet(state, bypass=False))
    def noted():
        return heartbeat.noted_of(open(state + "/heartbeat", "rb").read())
    a = tcp(80)
    memory = collect().memory
    remember(memory)
    tick()
%s
"""


@pytest.mark.weakness(11)
def test_passing_datagram_ports_leave_every_tick_quiet() -> None:
    """A name server asks from a new port each time."""
    script = """
    for port in range(40000, 40004):
        b = udp(port)
        tick()
        b.close()
    """
    body = textwrap.indent(textwrap.dedent(script), "    ")
    assert alone(PORTS + QUIET % body) == ["0"] * 5


@pytest.mark.weakness(11)
def test_a_datagram_port_that_outlasts_a_quiet_tick_is_an_item_in_the_next() -> None:
    script = """
    b = udp(40000)
    tick()
    tick()
    found = collect(memory, noted())
    print(*[key for key in found.items if key.startswith("udp")])
    remember(found.memory)
    tick()
    b.close()
    tick()
    """
    body = textwrap.indent(textwrap.dedent(script), "    ")
    assert alone(PORTS + QUIET % body) == ["0", "0", "None", "udp:40000:wildcard", "0", "None"]


def test_a_datagram_port_first_seen_in_a_full_run_is_looked_at_again_in_the_next_tick() -> None:
    script = """
    b = udp(40000)
    found = collect(memory)
    print(len([key for key in found.items if key.startswith("udp")]))
    remember(found.memory)
    tick()
    b.close()
    tick()
    """
    body = textwrap.indent(textwrap.dedent(script), "    ")
    assert alone(PORTS + QUIET % body) == ["0", "0", "None", "0"]
