# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of an installation: a second install, the sandbox, the self-test, the timer, the end."""

from __future__ import annotations

from typing import Set

import pytest
from support.lab import wait_for
from support.machine import Machine
from support.watched import CHECKOUT, STATE, Watched

pytestmark = pytest.mark.container


def test_a_second_install_changes_nothing(host: Watched) -> None:
    host.machine.run(["systemctl", "start", "vps-sentry.timer"])
    before = _fingerprint(host.machine)

    assert "Nothing to change" in host.script("install.sh")
    assert before == _fingerprint(host.machine)
    host.machine.run(["systemctl", "stop", "vps-sentry.timer"])


def _fingerprint(machine: Machine) -> str:
    places = "/opt/vps-sentry /usr/local/bin /etc/systemd /etc/vps-sentry.json"
    return machine.run(["sh", "-c", f"find {places} -printf '%p %i %m %u %g %s %T@ %l\\n' | sort"]).stdout


def test_the_timer_fires_by_itself(host: Watched) -> None:
    runs = host.machine.read(f"{STATE}/heartbeat")
    drop_in = "[Timer]\nOnCalendar=\nOnCalendar=*:*:0/5\nRandomizedDelaySec=0\n"
    host.machine.write("/run/systemd/system/vps-sentry.timer.d/often.conf", drop_in)
    host.machine.run(["systemctl", "daemon-reload"])
    host.machine.run(["systemctl", "restart", "vps-sentry.timer"])
    wait_for(lambda: host.machine.read(f"{STATE}/heartbeat") != runs, seconds=30, what="the timer to fire")
    host.machine.run(["rm", "-r", "/run/systemd/system/vps-sentry.timer.d"])
    host.machine.run(["systemctl", "daemon-reload"])


def test_uninstall_keeps_what_people_may_want(host: Watched) -> None:
    said = host.script("uninstall.sh")
    gone = ["/opt/vps-sentry", "/usr/local/bin/vps-sentry", "/usr/local/bin/vps-sentry-ship"]
    gone += [
        f"/etc/systemd/system/{name}" for name in ("vps-sentry.service", "vps-sentry.timer", "vps-sentry.service.d")
    ]
    left: Set[str] = {path for path in gone if host.machine.run(["test", "-e", path], check=False).returncode == 0}

    assert set() == left
    for path in (STATE, "/etc/vps-sentry.json"):
        host.machine.run(["test", "-e", path])
        assert path in said
    assert 0 == host.machine.run([f"{CHECKOUT}/scripts/uninstall.sh"]).returncode
