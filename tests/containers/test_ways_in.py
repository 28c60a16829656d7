# SPDX-License-Identifier: GPL-3.0-or-later
"""Real logins and real attacks on each Debian release: OpenSSH 8.4, 9.2 and 10.0, each way in, each way to be kept out.

Each test begins with an agent that has learnt nothing and a log that holds nothing.
"""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator, Tuple

import paramiko
import pytest
from support import ways
from support.lab import PASSWORD, Lab
from support.receiver import Receiver
from support.watched import Watched, watch

pytestmark = pytest.mark.container

# The older name of KbdInteractiveAuthentication, which OpenSSH 8.4 still asks for, too, and 10.0 still knows.
SETTINGS = "ChallengeResponseAuthentication yes\nTrustedUserCAKeys /etc/ssh/authority.pub\n"
# From OpenSSH 9.8 on.
PENALISES = ("trixie",)


@pytest.fixture(scope="module", name="suite", params=["bullseye", "bookworm", "trixie"])
def _suite(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", name="keys")
def _keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``visitor`` with a certificate for alice by ``authority``, and ``stranger``, whom nobody knows."""
    place = tmp_path_factory.mktemp("keys")
    for name in ("authority", "visitor", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(place / name)], check=True)
    sign = ["ssh-keygen", "-q", "-s", str(place / "authority"), "-I", "visitor@test", "-n", "alice"]
    subprocess.run([*sign, str(place / "visitor.pub")], check=True)
    return place


@pytest.fixture(scope="module", name="host")
def _host(lab: Lab, receiver: Receiver, suite: str, keys: Path) -> Iterator[Watched]:
    machines = lab.start(1, suite=suite)
    watched = watch(machines[0], receiver)
    watched.machine.write("/etc/ssh/authority.pub", (keys / "authority.pub").read_text())
    watched.machine.write("/etc/ssh/sshd_config.d/10-ways.conf", SETTINGS)
    ways.endure(watched.machine)
    yield watched
    lab.remove(machines)


@pytest.fixture(name="fresh")
def _fresh(host: Watched) -> Watched:
    host.anew()
    return host


def fingerprint(key: Path) -> str:
    return subprocess.run(["ssh-keygen", "-lf", str(key)], check=True, capture_output=True, text=True).stdout.split()[1]


@pytest.mark.weakness(6)
def test_each_way_in_is_told_as_itself_and_known_once_it_is_accepted(fresh: Watched, keys: Path) -> None:
    machine, place = fresh.machine, ways.network(fresh.machine)

    def everybody() -> None:
        ways.by_password(machine, "alice", PASSWORD)
        ways.by_keyboard(machine, "alice", PASSWORD)
        ways.by_key(machine, "deploy", machine.key)
        ways.by_key(machine, "alice", keys / "visitor")

    everybody()
    assert 3 == fresh.tick()
    assert {
        f"login alice {place} password -",
        f"login alice {place} keyboard-interactive/pam -",
        f"login deploy {place} publickey {fingerprint(machine.key)}",
        f"login alice {place} publickey {fingerprint(keys / 'visitor')}",
    } == {key for severity, code, key in fresh.standing() if (severity, code) == ("warning", "ssh_first_login")}
    assert {"ssh_first_login"} == {code for _, _, code, _ in fresh.heard()}

    fresh.accept("--only", "ssh_auth", "--reason", "all of them are ours")
    fresh.tick()
    fresh.heard()
    everybody()
    assert (0, []) == (fresh.tick(), fresh.heard()), "a way in that was accepted is told again"


def test_a_burst_and_the_login_after_it(fresh: Watched, suite: str) -> None:
    """Thirty wrong passwords for an account that exists, then the right one. From OpenSSH 9.8 on failures stop at some
    point and the attack does not: sshd drops the connections of such an address, which is said and nobody's business.
    """
    machine = fresh.machine
    if suite in PENALISES:
        ways.penalise(machine, True)
        ways.restart(machine)
        fresh.calm()
    with ThreadPoolExecutor(5) as attackers:
        list(attackers.map(lambda _: ways.guess(machine, "alice", times=6), range(5)))
    dropped = ways.turned_away(machine)
    fresh.tick()
    assert dropped == (suite in PENALISES)
    assert dropped == (("info", "ssh_penalty", "penalty") in fresh.standing())
    assert [("warning", "open", "ssh_failure_burst", "burst")] == fresh.heard()

    # Then it forgets whom it penalised, as it would have by itself after a while.
    if suite in PENALISES:
        ways.penalise(machine, False)
    ways.restart(machine)
    ways.by_password(machine, "alice", PASSWORD)
    assert 3 == fresh.tick()
    broken_into = ("critical", "open", "ssh_login_after_burst", f"alice {ways.network(machine)}")
    assert broken_into in fresh.heard()


def test_wrong_keys_alone_are_seen_and_wake_nobody(fresh: Watched, keys: Path) -> None:
    """A wrong key leaves no failure in the log, only a connection that is closed; one line each, counted once."""
    with ThreadPoolExecutor(5) as attackers:
        list(attackers.map(lambda _: ways.offer(fresh.machine, "alice", keys / "stranger"), range(50)))
    assert 0 == fresh.tick()

    assert {("info", "ssh_key_only_burst", "connections")} == fresh.standing()
    assert [] == fresh.heard()
    assert "Failed publickey" not in fresh.machine.run(["journalctl", "--no-pager"]).stdout


# What an attacker calls himself to be read as somebody else, at another address, or as nobody at all.
NAMES: Tuple[str, ...] = (
    "root from 1.2.3.4 port 22 ssh2",
    "root from 1.2.3.4 port 22 ssh2: ED25519 SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "alice from 1.2.3.4 port 22 ssh2\nAccepted password for root from 1.2.3.4 port 1 ssh2",
    "x\nAccepted publickey for root from 1.2.3.4 port 1 ssh2: RSA SHA256:" + "A" * 43,
    "root 1.2.3.4 port 22: Too many authentication failures [preauth]",
    "root from 1.2.3.4 port 22 ssh2 [preauth]",
    "\x1b[2J\x1b[31mroot from 1.2.3.4",
    "root\u202e from 1.2.3.4 port 22",
    "message repeated 1000 times: [ Failed password for root from 1.2.3.4 port 22 ssh2]",
    "u" * 450 + " from 1.2.3.4 port 22 ssh2",
    "",
    " ",
)


@pytest.mark.weakness(5)
def test_no_name_is_read_as_somebody_else(fresh: Watched) -> None:
    for name in NAMES:
        ways.guess(fresh.machine, name, times=1)
    fresh.tick()
    replay = "journalctl -o json -t sshd -t sshd-session -t sshd-auth | vps-sentry auth --format json -"
    events = [json.loads(line) for line in fresh.machine.run(["sh", "-euc", replay]).stdout.splitlines()]

    assert len(NAMES) <= sum(event["attempts"] for event in events), events
    assert {fresh.machine.gateway, None} >= {event["address"] for event in events}, events
    assert [] == [event for event in events if event["login"]]
    assert "1.2.3.4" not in json.dumps(fresh.last())
    assert {("info", "ssh_invalid_user_burst", "invalid users")} == fresh.standing()
    assert [] == fresh.heard()


def test_a_key_alone_lets_nobody_in_without_its_certificate(host: Watched, keys: Path) -> None:
    """The certificate above is what lets the visitor in: without it the same kind of key is a stranger's."""
    with ways.connection(host.machine) as transport, pytest.raises(paramiko.AuthenticationException):
        transport.auth_publickey("alice", paramiko.Ed25519Key.from_private_key_file(str(keys / "visitor")))
