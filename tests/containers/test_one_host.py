# SPDX-License-Identifier: GPL-3.0-or-later
"""One host, watched by its units: every change is told once to a real receiver, and once when it ends."""

from __future__ import annotations

import contextlib
import json
import shlex
from typing import Iterator, Tuple

import pytest
from support.lab import wait_for
from support.watched import STATE, Watched
from vps_sentry.checks import discover

pytestmark = pytest.mark.container
CONFIG = "/etc/vps-sentry.json"


@pytest.fixture(name="calm")
def _calm(host: Watched) -> Watched:
    host.calm()
    return host


def test_the_first_message_says_that_nothing_is_accepted_and_the_next_that_it_is(host: Watched) -> None:
    host.heard()
    host.forget()
    host.machine.ssh("deploy", "true")
    assert 3 == host.tick()
    assert [("warning", "open", "no_baseline", "baseline")] == host.heard()
    checks = host.last()["checks"]
    assert set(discover()) == set(checks)
    assert {} == {name: check["error"] for name, check in checks.items() if check["status"] != "ok"}

    said = host.accept("--reason", "fresh host")
    assert "+ ssh_auth login deploy" in said
    assert "accepted as baseline #1" in said
    assert (0, [("warning", "resolved", "no_baseline", "baseline")]) == (host.tick(), host.heard())
    assert (0, []) == (host.tick(), host.heard())


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
    calm: Watched, attack: str, undo: str, expected: Tuple[str, str, str]
) -> None:
    severity, code, key = expected
    calm.machine.run(["sh", "-euc", attack])
    assert 3 == calm.tick()
    assert (severity, "open", code, key) in calm.heard()
    assert (3, []) == (calm.tick(), calm.heard())

    calm.machine.run(["sh", "-euc", undo])
    calm.tick()
    assert (severity, "resolved", code, key) in calm.heard()


def test_a_new_port_is_told_with_its_owner_and_ends(calm: Watched) -> None:
    server = "import socket, time; s = socket.create_server(('0.0.0.0', 4444)); time.sleep(600)"
    calm.machine.run(["systemd-run", "--unit=backdoor", "/usr/bin/python3", "-c", server])
    wait_for(
        lambda: ":4444 " in calm.machine.run(["ss", "-ltn"]).stdout,
        seconds=20,
        what="the port to open; look at: journalctl -u backdoor",
    )
    assert 3 == calm.tick()
    assert ("critical", "open", "port_opened", "tcp:4444:wildcard") in calm.heard()
    (alert,) = [a for a in calm.last()["alerts"] if a["check"] == "ports"]
    owner = alert["after"]["owners"][0]
    assert ("backdoor.service", "root") == (owner["unit"], owner["user"])
    assert owner["exe"].startswith("/usr/bin/python3")

    calm.machine.run(["systemctl", "stop", "backdoor"])
    calm.tick()
    assert ("critical", "resolved", "port_opened", "tcp:4444:wildcard") in calm.heard()


@pytest.mark.weakness(5)
def test_a_forged_log_line_is_not_believed(calm: Watched) -> None:
    forged = "Accepted password for root from 198.51.100.66 port 1 ssh2"
    calm.machine.run(["su", "alice", "-c", f"logger -t sshd {shlex.quote(forged)}"])
    calm.tick()

    assert "198.51.100" not in json.dumps(calm.last())
    assert [] == calm.heard()


@contextlib.contextmanager
def meanwhile(host: Watched, harm: str, mend: str) -> Iterator[None]:
    """One script is run, and in any case, at the end, the one that undoes it."""
    host.machine.run(["sh", "-euc", harm])
    try:
        yield
    finally:
        host.machine.run(["sh", "-euc", mend])


AWAY, BACK = f"cp -p {CONFIG} /root/kept.json; ", f"rm -f {CONFIG}; mv /root/kept.json {CONFIG}"
UNUSABLE = [
    pytest.param(f"echo '{{\"chekcs\": {{}}}}' >{CONFIG}", id="with a word in it that nobody knows"),
    # Told through the sinks it named.
    pytest.param(f"rm {CONFIG}", id="that is gone"),
    # It was taken for a trial with a state of its own: no baseline, no message, no sign of life.
    pytest.param(f"ln -sf /root/kept.json {CONFIG}", id="that is a link now"),
]


@pytest.mark.parametrize("harm", UNUSABLE)
def test_a_configuration_is_told_and_stops_nothing(calm: Watched, harm: str) -> None:
    before = calm.last()["time"]
    with meanwhile(calm, AWAY + harm, BACK):
        assert 2 == calm.tick()
        assert ("critical", "open", "config_invalid", "configuration") in calm.heard()
        assert before != calm.last()["time"], "the run looked all the same"
    calm.tick()
    assert ("critical", "resolved", "config_invalid", "configuration") in calm.heard()


def test_a_person_is_refused_with_a_configuration_that_cannot_be_used(calm: Watched) -> None:
    with meanwhile(calm, f"{AWAY}echo x >{CONFIG}", BACK):
        assert 2 == calm.machine.run(["vps-sentry"], check=False).returncode


def test_a_lost_baseline_is_critical_and_not_learnt(calm: Watched) -> None:
    with meanwhile(calm, f"mv {STATE}/baseline.json {STATE}/kept", f"mv {STATE}/kept {STATE}/baseline.json"):
        calm.tick()
        assert ("critical", "open", "baseline_lost", "baseline") in calm.heard()
    calm.tick()
    assert ("critical", "resolved", "baseline_lost", "baseline") in calm.heard()


def test_a_loosened_configuration_is_critical_until_it_is_back(calm: Watched) -> None:
    loose = json.dumps({**json.loads(calm.machine.read(CONFIG)), "checks": {"ports": {"enabled": False}}})
    with meanwhile(calm, f"{AWAY}echo {shlex.quote(loose)} >{CONFIG}", BACK):
        calm.tick()
        assert ("critical", "open", "config_changed", "checks.ports.enabled") in calm.heard()
    calm.tick()
    assert ("critical", "resolved", "config_changed", "checks.ports.enabled") in calm.heard()
