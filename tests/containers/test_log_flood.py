# SPDX-License-Identifier: GPL-3.0-or-later
"""A flood of sshd's log until journald drops what it says, and a login inside the gap (RULES A11), on a real host."""

from __future__ import annotations

import time
from typing import Iterator

import pytest
from support import ways
from support.lab import PASSWORD, Lab, wait_for
from support.machine import Machine
from support.receiver import Receiver
from support.watched import Watched, watch

pytestmark = pytest.mark.container
INTERVAL = 45
"""Seconds journald counts a unit's messages for: longer than the flood, short enough to wait for its end."""
LIMIT = f"[Journal]\nRateLimitIntervalSec={INTERVAL}s\nRateLimitBurst=5\n"
# Two lines each; journald multiplies the burst by up to five where there is much room on the disk.
KNOCK = """
import contextlib, socket, sys
for _ in range(int(sys.argv[1])):
    with socket.create_connection(("127.0.0.1", 22), timeout=20) as link:
        # Sooner or later sshd answers nobody any more, or hangs up.
        with contextlib.suppress(OSError):
            link.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")
            while link.recv(4096):
                pass
"""


@pytest.fixture(scope="module", name="host")
def _host(lab: Lab, receiver: Receiver) -> Iterator[Watched]:
    machines = lab.start(1, suite="bookworm")
    found = watch(machines[0], receiver)
    machines[0].write("/etc/systemd/journald.conf.d/limit.conf", LIMIT)
    machines[0].write("/root/knock.py", KNOCK)
    machines[0].run(["systemctl", "restart", "systemd-journald"])
    found.accept()
    found.tick()
    found.heard()
    yield found
    lab.remove(machines)


def logged(machine: Machine) -> str:
    """What sshd and journald itself have said since the flood."""
    return machine.run(["journalctl", "--no-pager", "--identifier=sshd", "--identifier=systemd-journald"]).stdout


def spoken(machine: Machine) -> str:
    """The log after the unit spoke again, which is when journald says how many it dropped.

    Not after each knock: of a process that ended before journald looked, it does not know the unit.
    """
    machine.run(["python3", "/root/knock.py", "1"])
    return logged(machine)


@pytest.mark.weakness(7)
def test_a_login_inside_a_flood_is_critical_and_named(host: Watched) -> None:
    machine = host.machine
    machine.run(["python3", "/root/knock.py", "40"])
    with ways.logged_in(machine, "alice", password=PASSWORD) as client:
        client.invoke_shell()
        time.sleep(INTERVAL)
        dropped = "journald to say how many it dropped"
        wait_for(lambda: "messages from ssh.service" in spoken(machine), seconds=60, what=dropped)
        host.tick()
        heard = host.heard()
    journal = logged(machine)
    assert "Accepted password for alice" not in journal
    (told,) = (alert for alert in host.last()["alerts"] if alert["code"] == "ssh_log_gap")

    assert ("critical", "dropped") == (told["severity"], told["key"]), f"{told['detail']}\n{journal[-3000:]}"
    assert "alice" in told["detail"]
    # One thing happened, and it is told as one: the session is part of the gap.
    assert [] == [a["code"] for a in host.last()["alerts"] if a["code"] == "session_without_login"]
    assert ("critical", "open", "ssh_log_gap", "dropped") in heard
