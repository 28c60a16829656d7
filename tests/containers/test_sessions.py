# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions that leave no line in sshd's log, on real hosts: found by whoever is there, within two ticks."""

from __future__ import annotations

import time
from typing import Iterator, List, Tuple

import pytest
from support import packages, ways
from support.lab import PASSWORD, Lab
from support.receiver import Receiver
from support.watched import STATE, Watched, watch

pytestmark = pytest.mark.container
# A session's line may still be on its way into the log for so long.
GRACE_SECONDS = 31


@pytest.fixture(scope="module", name="host", params=["bookworm", "trixie"])
def _host(request: pytest.FixtureRequest, lab: Lab, receiver: Receiver) -> Iterator[Watched]:
    """OpenSSH 9.2 with one kind of process, 10.0 with three; accepted, nothing open."""
    machines = lab.start(1, suite=request.param)
    found = watch(machines[0], receiver)
    found.accept()
    found.tick()
    found.heard()
    yield found
    lab.remove(machines)


def ssh_alerts(host: Watched) -> List[Tuple[str, str, str]]:
    """What stands open of sshd after the last run."""
    return [(a["severity"], a["code"], a["key"]) for a in host.last()["alerts"] if a["check"] == "ssh_auth"]


def test_an_ordinary_login_is_matched_and_quiet(host: Watched) -> None:
    machine = host.machine
    with ways.logged_in(machine, "deploy", key_filename=str(machine.key)) as client:
        client.invoke_shell()
        client.open_sftp().listdir(".")
        host.tick()
        time.sleep(GRACE_SECONDS)
        host.tick()
        told = ssh_alerts(host)
        assert [code for _, code, _ in told if code != "ssh_first_login"] == []
        before = machine.read(f"{STATE}/last.json")
        host.tick()
        # Nobody came or went: the tick after is a quiet one (or one of the few that believe no stamp).
        after = machine.read(f"{STATE}/last.json")
        assert before == after or '"stamps_bypassed_at":null' not in after
    host.accept("--only", "ssh_auth")
    host.tick()
    host.heard()


def test_a_log_level_in_a_match_block_hides_nobody(host: Watched) -> None:
    """RULES A12: a password login with LogLevel QUIET leaves no line at all."""
    machine = host.machine
    machine.write("/etc/ssh/sshd_config.d/quiet.conf", "Match User alice\n  LogLevel QUIET\n")
    # A reload would be over before sshd has read the settings; a restart is over when it listens.
    machine.run(["systemctl", "restart", "ssh"])
    with ways.logged_in(machine, "alice", password=PASSWORD) as client:
        client.invoke_shell()
        time.sleep(GRACE_SECONDS)
        host.tick()
        told = ssh_alerts(host)
    assert "Accepted password for alice" not in machine.run(["journalctl", "--no-pager"]).stdout
    assert ("critical", "session_without_login", f"login alice {ways.network(machine)} unlogged -") in told
    assert ("warning", "ssh_log_hidden") in {(severity, code) for severity, code, _ in told}

    machine.run(["rm", "/etc/ssh/sshd_config.d/quiet.conf"])
    machine.run(["systemctl", "reload", "ssh"])


def test_a_second_sshd_that_logind_knows_nothing_of(host: Watched) -> None:
    """No PAM, so no session of logind: the processes are the witness, for root without any process beside it too."""
    machine = host.machine
    machine.run(["sh", "-euc", "mkdir -p /root/.ssh; cp /home/deploy/.ssh/authorized_keys /root/.ssh/"])
    settings = "Port 2222\nUsePAM no\nLogLevel QUIET\nPidFile /run/second.pid\nSubsystem sftp internal-sftp\n"
    machine.write("/root/second", settings)
    machine.run(["/usr/sbin/sshd", "-f", "/root/second"])
    with ways.logged_in(machine, "root", port=2222, key_filename=str(machine.key)) as client:
        client.open_sftp().listdir(".")
        time.sleep(GRACE_SECONDS)
        host.tick()
        told = ssh_alerts(host)
    machine.run(["sh", "-euc", "kill $(cat /run/second.pid)"])
    assert ("critical", "session_without_login", f"login root {ways.network(machine)} unlogged -") in told


def seen_alerts(host: Watched) -> List[Tuple[str, str, str]]:
    """What was seen, without what hid logins before: that stands for an hour more."""
    return [alert for alert in ssh_alerts(host) if alert[1] != "ssh_log_hidden"]


DROPBEAR = """
dropbearconvert openssh dropbear /etc/ssh/ssh_host_ed25519_key /root/dropbear 2>/dev/null
systemd-run --quiet --unit=dropbear dropbear -F -E -p 2200 -r /root/dropbear
"""


def test_a_login_by_another_server_than_sshd_is_told_and_can_be_accepted(host: Watched) -> None:
    """dropbear: nothing of it is in sshd's log, and logind is told nothing. Its process is the witness."""
    machine = host.machine
    packages.install(machine, "dropbear-bin")
    machine.run(["sh", "-euc", f"export PATH=$PATH:/usr/lib/dropbear; {DROPBEAR}"])
    host.calm()
    login = f"login alice {ways.network(machine)} dropbear -"
    with ways.logged_in(machine, "alice", port=2200, password=PASSWORD) as client:
        client.invoke_shell()
        host.tick()
        assert [("warning", "login_other", login)] == seen_alerts(host)
        assert [("warning", "open", "login_other", login)] == host.heard()
        host.tick()
        assert [] == host.heard(), "somebody who stays is told once"
    assert f"+ ssh_auth {login}" in host.accept("--only", "ssh_auth", "--reason", "ours")
    host.tick()
    host.heard()
    with ways.logged_in(machine, "alice", port=2200, password=PASSWORD) as client:
        client.invoke_shell()
        host.tick()
        assert ([], []) == (seen_alerts(host), host.heard()), "the same way in was accepted"
    machine.run(["systemctl", "stop", "dropbear"])
