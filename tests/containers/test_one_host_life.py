# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of an installation: a second install, and the end."""

from __future__ import annotations

from typing import Set

import pytest
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
