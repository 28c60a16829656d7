# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to hosts in the course of years: rotated journals, and a whole release of Debian under the agent."""

from __future__ import annotations

import pytest
from support import packages
from support.lab import wait_for
from support.machine import Machine
from support.watched import STATE, Watched

pytestmark = pytest.mark.container

RELEASE = "/opt/vps-sentry/venv"
OFTEN = "/etc/systemd/system/vps-sentry.timer.d/often.conf"


@pytest.fixture(name="calm")
def _calm(host: Watched) -> Watched:
    host.machine.run(["systemctl", "stop", "vps-sentry.timer"])
    host.calm()
    return host


def test_a_rotated_and_vacuumed_journal_is_no_alert_and_hides_no_login(calm: Watched) -> None:
    calm.machine.run(["journalctl", "--rotate"])
    calm.tick()
    assert [] == calm.heard()

    calm.machine.ssh("deploy", "true")
    calm.machine.run(["sh", "-c", "journalctl --rotate; journalctl --vacuum-files=1 --rotate"])
    calm.tick()
    assert "ok" == calm.last()["checks"]["ssh_auth"]["status"]
    assert set() == {code for severity, _, code, _ in calm.heard() if severity == "critical"} - {"ssh_log_truncated"}


def failed(host: Watched) -> dict[str, str]:
    """The checks that could not do their work at the last run, and why."""
    return {name: check["error"] for name, check in host.last()["checks"].items() if check["status"] == "failed"}


def codes(host: Watched) -> set[str]:
    return {code for _, code, _ in host.standing()}


def from_source(machine: Machine) -> list[str]:
    """Modules of the agent for which the host's own Python finds no bytecode it takes, by its own account."""
    command = f"/usr/bin/python3 -I -S -v {RELEASE}/bin/vps-sentry status 2>&1 >/dev/null"
    said = machine.run(["sh", "-c", command], check=False).stdout.splitlines()
    loaded = [line for line in said if line.startswith("# code object from ") and "/vps_sentry/" in line]
    assert loaded, "Python told nothing of what it loads; look at: " + command
    return [line for line in loaded if ".pyc" not in line]


def test_a_dist_upgrade_under_the_agent(calm: Watched) -> None:
    """From Debian 12 to 13 while the timer ticks: Python 3.11 is replaced by 3.13, and glibc, OpenSSL and systemd.

    The release was compiled for the old one. The agent goes on, from source, says so, and is mended by one command.
    """
    machine = calm.machine
    machine.write(OFTEN, "[Timer]\nOnCalendar=\nOnCalendar=*:*:0/15\nRandomizedDelaySec=0\n")
    machine.run(["systemctl", "daemon-reload"])
    calm.calm()
    assert [] == from_source(machine), "the installation compiles the agent for the Python it finds"
    machine.run(["systemctl", "restart", "vps-sentry.timer"])
    packages.upgrade(machine, old="bookworm", new="trixie")
    assert machine.run(["python3", "--version"]).stdout.startswith("Python 3.13.")
    assert "1" == machine.run(["sh", "-c", "ls -d /usr/bin/python3.[0-9]* | wc -l"]).stdout.strip()

    runs_by_itself(calm)
    machine.run(["systemctl", "stop", "vps-sentry.timer"])
    machine.write("/usr/local/bin/after", "#!/bin/sh\n", mode=0o4755)
    assert 3 == calm.tick()
    assert {} == failed(calm)
    assert {"runtime_changed", "file_setuid"} <= codes(calm)
    assert from_source(machine), "bytecode of 3.11 cannot be what 3.13 loads"
    told = calm.heard()
    shipped = machine.run(["journalctl", "-u", "vps-sentry-ship", "-n", "20", "--no-pager"]).stdout
    assert ("critical", "open", "file_setuid", "/usr/local/bin/after") in told, shipped
    assert [] == [entry for entry in told if entry[2] in ("agent_modified", "baseline_lost", "state_damaged")]

    said = machine.run(["vps-sentry", "doctor", "--fix"], check=False).stdout
    assert "made anew" in said, said
    assert [] == from_source(machine), "doctor --fix says it compiled, and Python does not take it"
    calm.tick()
    assert "runtime_changed" not in codes(calm)
    machine.run(["systemctl", "start", "vps-sentry.timer"])
    runs_by_itself(calm)
    machine.run(["sh", "-euc", f"rm -r {OFTEN.rpartition('/')[0]}; systemctl daemon-reload"])


def runs_by_itself(host: Watched) -> None:
    """Wait for one more completed run that nobody but the timer started."""
    before = host.machine.read(f"{STATE}/heartbeat")
    wait_for(
        lambda: host.machine.read(f"{STATE}/heartbeat") != before,
        seconds=60,
        what="the timer to fire; look at: systemctl list-timers; journalctl -u vps-sentry",
    )


def test_a_library_that_is_missing_for_a_while_stops_one_check(calm: Watched) -> None:
    """As in the middle of an upgrade: what reads the journal needs ctypes, which needs a library of its own."""
    places = calm.machine.run(["sh", "-c", "ls /usr/lib/*-linux-gnu/libffi.so.8"]).stdout.split()
    calm.machine.run(["mv", *places, "/srv/"])
    calm.machine.write("/etc/motd.moved", "x\n")
    calm.tick()
    assert ["ssh_auth"] == list(failed(calm))
    assert "/etc/motd.moved" in {key for _, _, _, key in calm.heard()}, "the other checks go on"

    calm.machine.run(["mv", "/srv/libffi.so.8", *places])
    calm.machine.run(["rm", "/etc/motd.moved"])
    calm.tick()
    assert {} == failed(calm)
