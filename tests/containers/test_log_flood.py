# SPDX-License-Identifier: GPL-3.0-or-later
"""A flood of sshd's log until journald drops what it says, and a login inside the gap (RULES A11), on a real host."""

from __future__ import annotations

import time
from typing import Iterator

import pytest
from support import ways
from support.lab import PASSWORD, Lab
from support.receiver import Receiver
from support.watched import Watched, watch

pytestmark = pytest.mark.container
INTERVAL = 45
"""Seconds journald counts a unit's messages for: longer than the flood, short enough to wait for its end."""
LIMIT = f"[Journal]\nRateLimitIntervalSec={INTERVAL}s\nRateLimitBurst=30\n"
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


@pytest.mark.weakness(7)
def test_a_login_inside_a_flood_is_critical_and_named(host: Watched) -> None:
    machine = host.machine
    machine.run(["python3", "/root/knock.py", "120"])
    with ways.logged_in(machine, "alice", password=PASSWORD) as client:
        client.invoke_shell()
        time.sleep(INTERVAL)
        # journald says how many it dropped when the unit speaks again.
        machine.run(["python3", "/root/knock.py", "1"])
        time.sleep(1)
        host.tick()
        journal = machine.run(["journalctl", "--no-pager", "--identifier=sshd", "--identifier=systemd-journald"]).stdout
        heard = host.heard()
    assert "Accepted password for alice" not in journal
    assert "messages from ssh.service" in journal
    (told,) = (alert for alert in host.last()["alerts"] if alert["code"] == "ssh_log_gap")

    assert ("critical", "dropped") == (told["severity"], told["key"]), f"{told['detail']}\n{journal[-3000:]}"
    assert "alice" in told["detail"]
    # One thing happened, and it is told as one: the session is part of the gap.
    assert [] == [a["code"] for a in host.last()["alerts"] if a["code"] == "session_without_login"]
    assert ("critical", "open", "ssh_log_gap", "dropped") in heard
