# SPDX-License-Identifier: GPL-3.0-or-later
"""One host, watched by its units: every change is told once to a real receiver, and once when it ends."""

from __future__ import annotations

import json
import shlex
from concurrent.futures import ThreadPoolExecutor
from typing import Tuple

import paramiko
import pytest
from support.lab import PASSWORD, wait_for
from support.machine import Machine
from support.watched import STATE, Watched
from vps_sentry.checks import discover

pytestmark = pytest.mark.container


def test_the_first_message_says_that_nothing_is_accepted(host: Watched) -> None:
    assert [("warning", "open", "no_baseline", "baseline")] == host.heard()
    checks = host.last()["checks"]
    assert set(discover()) == {name for name in checks if checks[name]["status"] == "ok"}


def test_acceptance_names_everything_and_is_told(host: Watched) -> None:
    said = host.accept("--reason", "fresh host")
    assert "+ ssh_auth login deploy" in said
    assert "accepted as baseline #1" in said

    assert 0 == host.tick()
    assert [("warning", "resolved", "no_baseline", "baseline")] == host.heard()
    assert 0 == host.tick()
    assert [] == host.heard()


FILE_CHANGES = [
    pytest.param(
        "chmod 4755 /usr/local/bin/kept-content",
        "chmod 0755 /usr/local/bin/kept-content",
        ("critical", "file_setuid", "/usr/local/bin/kept-content"),
        id="setuid with the content unchanged",
    ),
    pytest.param(
        "cd /usr/local/bin; cp -p kept-time /srv/old; printf '#!/bin/xx\\n' >kept-time; touch -r /srv/old kept-time",
        "cp -p /srv/old /usr/local/bin/kept-time",
        ("warning", "file_changed", "/usr/local/bin/kept-time"),
        id="content of the same size, mtime restored",
    ),
    pytest.param(
        "cd /usr/local/bin; printf '#!/bin/xx\\n' >.new; chmod 755 .new; touch -r replaced .new; mv .new replaced",
        "cp /srv/tool /usr/local/bin/replaced",
        ("warning", "file_changed", "/usr/local/bin/replaced"),
        id="inode replaced",
    ),
    pytest.param(
        "mkdir -p /root/.ssh; echo 'ssh-ed25519 AAAA evil' >/root/.ssh/authorized_keys",
        "rm /root/.ssh/authorized_keys",
        ("critical", "file_added", "/root/.ssh/authorized_keys"),
        id="a key for root",
    ),
]


@pytest.mark.parametrize(("attack", "undo", "expected"), FILE_CHANGES)
def test_a_changed_file_is_told_once_and_once_when_it_ends(
    host: Watched, attack: str, undo: str, expected: Tuple[str, str, str]
) -> None:
    severity, code, key = expected
    host.machine.run(["sh", "-euc", attack])
    assert 3 == host.tick()
    assert (severity, "open", code, key) in host.heard()

    assert 3 == host.tick()
    assert [] == host.heard()

    host.machine.run(["sh", "-euc", undo])
    host.tick()
    assert (severity, "resolved", code, key) in host.heard()
    # What the undoing left behind (a directory's or an inode's own story) is not this test's.
    host.accept()
    host.tick()
    host.heard()


def test_a_new_port_is_told_with_its_owner_and_ends(host: Watched) -> None:
    server = "import socket, time; s = socket.create_server(('0.0.0.0', 4444)); time.sleep(600)"
    host.machine.run(["systemd-run", "--unit=backdoor", "/usr/bin/python3", "-c", server])
    wait_for(lambda: ":4444 " in host.machine.run(["ss", "-ltn"]).stdout, seconds=20, what="the port to open")
    assert 3 == host.tick()
    assert [("critical", "open", "port_opened", "tcp:4444:wildcard")] == host.heard()
    (alert,) = [a for a in host.last()["alerts"] if a["check"] == "ports"]
    owner = alert["after"]["owners"][0]
    assert ("backdoor.service", "root") == (owner["unit"], owner["user"])
    assert owner["exe"].startswith("/usr/bin/python3")

    host.machine.run(["systemctl", "stop", "backdoor"])
    host.tick()
    assert [("critical", "resolved", "port_opened", "tcp:4444:wildcard")] == host.heard()


def test_ssh_logins_real_ones(host: Watched) -> None:
    """A known login is silent, a new one is told, a burst and the login after it are critical."""
    host.machine.ssh("deploy", "true")
    host.tick()
    assert [] == host.heard()

    host.machine.ssh("alice", "true", password=PASSWORD)
    host.tick()
    ((severity, state, code, key),) = host.heard()
    assert ("warning", "open", "ssh_first_login") == (severity, state, code)
    assert "alice" in key

    # At once, because sshd waits two seconds after each wrong password.
    with ThreadPoolExecutor(5) as attackers:
        list(attackers.map(lambda _: _fail_to_log_in(host.machine, times=6), range(5)))
    host.machine.ssh("alice", "true", password=PASSWORD)
    host.tick()
    assert "ssh_login_after_burst" in {code for severity, _, code, _ in host.heard() if severity == "critical"}


def _fail_to_log_in(machine: Machine, *, times: int) -> None:
    """One connection that tries wrong passwords until sshd has had enough."""
    with paramiko.Transport((machine.address, 22)) as transport:
        transport.start_client(timeout=30)
        for attempt in range(times):
            try:
                transport.auth_password("alice", f"wrong {attempt}", fallback=False)
            except paramiko.SSHException:
                if not transport.is_active():
                    return


def test_a_forged_log_line_is_not_believed(host: Watched) -> None:
    forged = "Accepted password for root from 198.51.100.66 port 1 ssh2"
    host.machine.run(["su", "alice", "-c", f"logger -t sshd {shlex.quote(forged)}"])
    host.tick()

    assert "198.51.100" not in json.dumps(host.last())


def test_a_bad_configuration_does_not_stop_the_watch(host: Watched) -> None:
    good = host.machine.read("/etc/vps-sentry.json")
    host.machine.write("/etc/vps-sentry.json", '{"chekcs": {}}', mode=0o600)
    assert 2 == host.tick()
    assert 2 == host.machine.run(["vps-sentry"], check=False).returncode
    host.machine.write("/etc/vps-sentry.json", good, mode=0o600)
    host.tick()

    assert {("critical", "open", "config_invalid"), ("critical", "resolved", "config_invalid")} <= {
        (severity, state, code) for severity, state, code, _ in host.heard()
    }


def test_a_vanished_configuration_is_told_through_the_sinks_it_named(host: Watched) -> None:
    host.machine.run(["mv", "/etc/vps-sentry.json", "/root/kept.json"])
    assert 2 == host.tick()
    told = host.heard()
    host.machine.run(["mv", "/root/kept.json", "/etc/vps-sentry.json"])
    host.tick()
    host.heard()

    assert ("critical", "open", "config_invalid", "configuration") in told


def test_a_link_in_the_place_of_the_configuration_is_told_and_stops_nothing(host: Watched) -> None:
    """It was taken for a trial with a state of its own: no baseline, no message, no sign of life."""
    before = host.last()["time"]
    host.machine.run(["mv", "/etc/vps-sentry.json", "/root/kept.json"])
    host.machine.run(["ln", "-s", "/root/kept.json", "/etc/vps-sentry.json"])
    assert 2 == host.tick()
    told, after = host.heard(), host.last()["time"]
    host.machine.run(["mv", "/root/kept.json", "/etc/vps-sentry.json"])
    host.tick()
    host.heard()

    assert ("critical", "open", "config_invalid", "configuration") in told
    assert before != after


def test_a_lost_baseline_is_critical_and_not_learnt(host: Watched) -> None:
    host.machine.run(["mv", f"{STATE}/baseline.json", f"{STATE}/kept"])
    host.tick()
    assert ("critical", "open", "baseline_lost", "baseline") in host.heard()
    host.machine.run(["mv", f"{STATE}/kept", f"{STATE}/baseline.json"])
    host.tick()

    assert ("critical", "resolved", "baseline_lost", "baseline") in host.heard()


def test_a_loosened_configuration_is_critical_until_it_is_back(host: Watched) -> None:
    host.accept()
    host.tick()
    host.heard()
    good = host.machine.read("/etc/vps-sentry.json")
    loose = json.dumps({**json.loads(good), "checks": {"ports": {"enabled": False}}})
    host.machine.write("/etc/vps-sentry.json", loose, mode=0o600)
    host.tick()
    assert ("critical", "open", "config_changed", "checks.ports.enabled") in host.heard()

    host.machine.write("/etc/vps-sentry.json", good, mode=0o600)
    host.tick()
    assert ("critical", "resolved", "config_changed", "checks.ports.enabled") in host.heard()
