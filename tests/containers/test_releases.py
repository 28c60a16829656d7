# SPDX-License-Identifier: GPL-3.0-or-later
"""The other Debian releases: 11 (Python 3.9, systemd 247, OpenSSH 8.4) and 13 (Python 3.13, OpenSSH 10)."""

from __future__ import annotations

from typing import Iterator

import pytest
from support.lab import PASSWORD, Lab
from support.receiver import Receiver
from support.watched import Watched, watch
from vps_sentry.checks import discover

pytestmark = pytest.mark.container


PYTHON = {"bullseye": "3.9", "trixie": "3.13"}


@pytest.fixture(scope="module", name="suite", params=sorted(PYTHON))
def _suite(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", name="other")
def _other(lab: Lab, receiver: Receiver, suite: str) -> Iterator[Watched]:
    machines = lab.start(1, suite=suite)
    watched = watch(machines[0], receiver)
    watched.heard()
    yield watched
    lab.remove(machines)


def test_every_check_works(other: Watched, suite: str) -> None:
    assert other.machine.run(["python3", "--version"]).stdout.startswith(f"Python {PYTHON[suite]}.")
    checks = other.last()["checks"]
    assert set(discover()) == {name for name in checks if checks[name]["status"] == "ok"}


def test_the_story_of_an_alert(other: Watched) -> None:
    other.accept("--reason", "fresh host")
    assert 0 == other.tick()
    other.heard()
    other.machine.run(["chmod", "4755", "/usr/local/bin/kept-content"])
    other.machine.ssh("alice", "true", password=PASSWORD)
    assert 3 == other.tick()
    assert {"file_setuid", "ssh_first_login"} == {code for _, _, code, _ in other.heard()}

    assert 3 == other.tick()
    assert [] == other.heard()


def test_selftest(other: Watched) -> None:
    other.machine.run(["systemctl", "start", "vps-sentry.timer"])
    done = other.machine.run(["vps-sentry-selftest", "--with-network"])
    other.machine.run(["systemctl", "stop", "vps-sentry.timer"])

    assert [] == [line for line in done.stdout.splitlines() if not line.startswith("ok ")]


def test_the_fleet_sees_it_too(other: Watched) -> None:
    answer = other.machine.run(["vps-sentry", "bundle"]).stdout

    assert answer.startswith('{"agent_digest":"sha256:')
