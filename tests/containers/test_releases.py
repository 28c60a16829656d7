# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a host on each Debian release: 11 (Python 3.9, systemd 247), 12 (3.11, 252) and 13 (3.13, 257).

What a container cannot show of a reboot, even with a boot id and clocks of its own: a kernel, an initial ramdisk and a
bootloader that change, a clock that is wrong until the network is up, disks that are checked or mounted late, and a
machine that loses its power. `_BOOT_ID` and uptime are the container's; everything in the kernel's log is not.
"""

from __future__ import annotations

from typing import Iterator

import pytest
from support import ways
from support.lab import PASSWORD, Lab, wait_for
from support.receiver import Receiver
from support.watched import STATE, Watched, watch
from vps_sentry.checks import discover

pytestmark = pytest.mark.container

PYTHON = {"bullseye": "3.9", "bookworm": "3.11", "trixie": "3.13"}
TIMER = "{}/systemd/system/vps-sentry.timer.d/test.conf"


@pytest.fixture(scope="module", name="suite", params=sorted(PYTHON))
def _suite(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", name="host")
def _host(lab: Lab, receiver: Receiver, suite: str) -> Iterator[Watched]:
    machines = lab.start(1, suite=suite, lasting=True)
    watched = watch(machines[0], receiver)
    yield watched
    lab.remove([watched.machine])


@pytest.fixture(name="calm")
def _calm(host: Watched) -> Watched:
    host.calm()
    return host


def test_every_check_works(host: Watched, suite: str) -> None:
    assert host.machine.run(["python3", "--version"]).stdout.startswith(f"Python {PYTHON[suite]}.")
    checks = host.last()["checks"]

    assert set(discover()) == set(checks)
    assert {} == {name: check["error"] for name, check in checks.items() if check["status"] != "ok"}


def test_the_story_of_an_alert(calm: Watched) -> None:
    assert (0, []) == (calm.tick(), calm.heard())
    calm.machine.run(["chmod", "4755", "/usr/local/bin/kept-content"])
    calm.machine.ssh("alice", "true", password=PASSWORD)
    assert 3 == calm.tick()
    assert {"file_setuid", "ssh_first_login"} == {code for _, _, code, _ in calm.heard()}
    assert (3, []) == (calm.tick(), calm.heard())

    calm.machine.run(["chmod", "0755", "/usr/local/bin/kept-content"])
    calm.tick()
    assert ("critical", "resolved", "file_setuid", "/usr/local/bin/kept-content") in calm.heard()


def test_selftest(host: Watched) -> None:
    host.machine.run(["systemctl", "start", "vps-sentry.timer"])
    done = host.machine.run(["vps-sentry-selftest", "--with-network"])
    host.machine.run(["systemctl", "stop", "vps-sentry.timer"])

    assert [] == [line for line in done.stdout.splitlines() if not line.startswith("ok ")]


def test_the_fleet_sees_it_too(host: Watched) -> None:
    answer = host.machine.run(["vps-sentry", "bundle"]).stdout

    assert answer.startswith('{"agent_digest":"sha256:')


def test_the_timer_alone_tells_of_a_change(calm: Watched) -> None:
    """Nobody starts anything by hand: the timer ticks, the alert arrives."""
    machine = calm.machine
    machine.write(TIMER.format("/run"), "[Timer]\nOnCalendar=\nOnCalendar=*:*:0/5\nRandomizedDelaySec=0\n")
    machine.run(["systemctl", "daemon-reload"])
    machine.run(["systemctl", "restart", "vps-sentry.timer"])
    machine.write("/usr/local/bin/by-timer", "#!/bin/sh\n", mode=0o4755)
    told = wait_for(
        lambda: [code for _, _, code, key in calm.heard() if key == "/usr/local/bin/by-timer"],
        seconds=90,
        what="the alert of a setuid file; look at: systemctl list-timers; journalctl -u vps-sentry -u vps-sentry-ship",
    )
    machine.run(["systemctl", "stop", "vps-sentry.timer"])
    machine.run(["rm", "-r", "/usr/local/bin/by-timer", TIMER.format("/run").rpartition("/")[0]])
    machine.run(["systemctl", "daemon-reload"])

    assert ["file_setuid"] == told


# Fires once, by itself, as soon as the host is up; not again while a test counts looks.
AT_BOOT = "[Timer]\nOnCalendar=\nOnActiveSec=1s\nRandomizedDelaySec=0\n"
LATE = """
import os, socket, time
while not os.path.exists("/run/go"):
    time.sleep(0.1)
link = socket.create_server(("0.0.0.0", 4441))
time.sleep(9000)
"""
LATE_UNIT = """
cat >/etc/systemd/system/late.service <<'E'
[Service]
ExecStart=/usr/bin/python3 -I /srv/late.py
[Install]
WantedBy=multi-user.target
E
touch /run/go
systemctl daemon-reload
systemctl enable -q --now late.service
"""


def _open(host: Watched) -> bool:
    return ":4441 " in host.machine.run(["ss", "-Hltn"]).stdout


def test_a_reboot_is_quiet_and_hides_nothing(host: Watched, lab: Lab) -> None:
    """A service that is slow to start is not missed at the first look; a login just before the shutdown is told."""
    host.machine.write("/srv/late.py", LATE)
    host.machine.run(["sh", "-euc", LATE_UNIT])
    host.machine.write(TIMER.format("/etc"), AT_BOOT)
    wait_for(lambda: _open(host), seconds=20, what="late.service to listen; look at: journalctl -u late")
    host.anew()
    assert set() == host.standing()
    before = host.machine.read(f"{STATE}/heartbeat"), host.machine.read("/proc/sys/kernel/random/boot_id")
    host.machine.ssh("alice", "true", password=PASSWORD)

    host.machine = machine = lab.reboot(host.machine)
    assert before[1] != machine.read("/proc/sys/kernel/random/boot_id")
    uptime = float(machine.read("/proc/uptime").split()[0])
    assert uptime < 300, "the container has no clocks of its own, so no reboot can be seen; look at Lab.reboot"
    wait_for(
        lambda: machine.read(f"{STATE}/heartbeat") != before[0],
        seconds=60,
        what="the timer to fire by itself after the boot; look at: systemctl list-timers; journalctl -u vps-sentry",
    )
    machine.run(["systemctl", "start", "vps-sentry-ship.service"])
    login = ("warning", "ssh_first_login", f"login alice {ways.network(machine)} password -")
    assert {login} == host.standing()
    assert [("warning", "open", *login[1:])] == host.heard()

    machine.run(["touch", "/run/go"])
    wait_for(lambda: _open(host), seconds=20, what="late.service to listen; look at: journalctl -u late")
    host.tick()
    assert {login} == host.standing()
    assert [] == host.heard()

    # What stays away is missed once two looks missed it. The second is taken by hand: the timer's is minutes away.
    machine.run(["systemctl", "stop", "late.service"])
    host.tick()
    assert {login} == host.standing(), "one look after a boot is not enough to miss a port"
    machine.run(["vps-sentry"], check=False)
    assert {login, ("info", "port_closed", "tcp:4441:wildcard")} == host.standing()
    machine.run(["systemctl", "disable", "-q", "late.service"])
