# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose journald keeps nothing: rsyslog writes auth.log, logrotate turns it, no line is lost or counted twice.

Debian 11 writes RFC 3164 time stamps (no year), Debian 13 ISO ones. The packages come from Debian when the tests run.
"""

from __future__ import annotations

from typing import Iterator

import pytest
from support import packages, ways
from support.lab import PASSWORD, Lab, wait_for
from support.machine import Machine
from support.receiver import Receiver
from support.watched import Watched, watch

pytestmark = pytest.mark.container

LOG = "/var/log/auth.log"
SETUP = """
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\nStorage=none\nForwardToSyslog=yes\n' >/etc/systemd/journald.conf.d/none.conf
systemctl restart systemd-journald
rm -rf /var/log/journal/* /run/log/journal/*
systemctl restart rsyslog
systemctl stop logrotate.timer
"""


@pytest.fixture(scope="module", name="host", params=["bullseye", "trixie"])
def _host(request: pytest.FixtureRequest, lab: Lab, receiver: Receiver) -> Iterator[Watched]:
    machines = lab.start(1, suite=request.param)
    packages.install(machines[0], "rsyslog", "logrotate")
    machines[0].run(["sh", "-euc", SETUP])
    ways.endure(machines[0])
    watched = watch(machines[0], receiver)
    yield watched
    lab.remove(machines)


@pytest.fixture(name="fresh")
def _fresh(host: Watched) -> Watched:
    """Nothing learnt, and a log with one line that says nothing."""
    host.machine.run(["sh", "-euc", f"rm -f {LOG}*; systemctl kill --signal=HUP rsyslog"])
    say(host.machine, "Server listening on 0.0.0.0 port 22.")
    host.anew()
    return host


def say(machine: Machine, message: str, *, user: str = "root") -> None:
    """Have a user write a line under sshd's name, and wait until it is in the log."""
    who = ["setpriv", f"--reuid={user}", "--clear-groups"]
    machine.run([*who, "logger", "-t", "sshd[99]", "-p", "auth.info", message])
    written(machine, message, times=1)


def written(machine: Machine, text: str, *, times: int) -> None:
    """Wait until rsyslog has written so many lines with this text."""
    count = ["grep", "-c", "-s", "-F", text, LOG]
    wait_for(
        lambda: machine.run(count, check=False).stdout.strip() == str(times),
        seconds=30,
        what=f"{times} lines with {text!r} in {LOG} of {machine.name}; look at: systemctl status rsyslog",
    )


def fail(machine: Machine, times: int) -> None:
    """So many wrong passwords, at most six a connection; they stand in the log when this ends."""
    count = ["grep", "-c", "-s", "Failed password", LOG]
    before = int(machine.run(count, check=False).stdout.strip() or "0")
    for begun in range(0, times, 6):
        ways.guess(machine, "alice", times=min(6, times - begun))
    written(machine, "Failed password", times=before + times)


def own(words: str) -> str:
    """Settings of logrotate for this one log."""
    return f"{LOG} {{\nrotate 4\n{words}\n}}\n"


# Each is the whole configuration of one log; by which program the log is told to begin anew differs as well.
HUP = "postrotate\nsystemctl kill --signal=HUP rsyslog\nendscript"
TURNED = [
    pytest.param("", id="as Debian's rsyslog package has it"),
    pytest.param(own("create\ncompress\n" + HUP), id="renamed and packed at once"),
    pytest.param(own("create\ndateext\ndateformat -%Y%m%d-%s\n" + HUP), id="renamed to a date"),
    pytest.param(own("copytruncate"), id="copied and cut"),
    pytest.param(own("copytruncate\ncompress"), id="copied, cut and packed"),
]


def turn(machine: Machine, settings: str) -> None:
    place = "/etc/logrotate.conf"
    if settings:
        place = "/root/rotate.conf"
        machine.write(place, settings)
    machine.run(["logrotate", "--force", "--state", "/root/rotate.state", place])
    wait_for(
        lambda: machine.run(["grep", "-q", "Failed password", LOG], check=False).returncode == 1,
        seconds=20,
        what=f"{LOG} to begin anew; look at: logrotate --force --verbose {place}",
    )


def burst(host: Watched) -> bool:
    """Whether a burst stands after one more run."""
    host.tick()
    assert "ok" == host.last()["checks"]["ssh_auth"]["status"], host.last()["checks"]["ssh_auth"]["error"]
    return ("info", "ssh_failure_burst", "burst") in host.standing()


def test_the_log_is_found_by_itself(host: Watched) -> None:
    said = host.machine.run(["vps-sentry", "doctor"], check=False).stdout

    assert [line for line in said.splitlines() if line.startswith("ok ") and LOG in line], said


@pytest.mark.weakness(7)
@pytest.mark.parametrize("settings", TURNED)
def test_no_line_is_lost_or_counted_twice_when_the_log_is_turned(fresh: Watched, settings: str) -> None:
    """Twelve lines read, six that only the turned file holds, six in the new one: 24, and 25 are a burst."""
    machine = fresh.machine
    fail(machine, 12)
    assert not burst(fresh)
    fail(machine, 6)
    turn(machine, settings)
    fail(machine, 6)
    assert not burst(fresh), "24 attempts were made; some line was counted twice"
    turn(machine, settings)
    fail(machine, 1)
    assert burst(fresh), "25 attempts were made; some line was lost"

    assert {"ssh_failure_burst"} == {code for _, code, _ in fresh.standing()}, "a log that is turned is no alert"
    assert [] == fresh.heard()


def test_a_login_is_believed_while_its_session_lives(fresh: Watched) -> None:
    machine = fresh.machine
    with ways.connection(machine) as transport:
        transport.auth_password("alice", PASSWORD, fallback=False)
        with transport.open_session() as channel:
            channel.exec_command("cat")
            written(machine, "Accepted password for alice", times=1)
            fresh.tick()
    first = ("warning", "ssh_first_login", f"login alice {ways.network(machine)} password -")
    assert {first} == fresh.standing()
    assert ["ssh_first_login"] == [code for _, _, code, _ in fresh.heard()]


@pytest.mark.weakness(7)
def test_a_login_nobody_has_seen_is_said_to_be_unverified(fresh: Watched) -> None:
    """Anybody on the host can write such a line: never critical, nothing learnt, one alert an hour."""
    for number in range(3):
        say(fresh.machine, f"Accepted password for root from 198.51.100.{number} port 1 ssh2", user="alice")
    fresh.tick()
    assert {("warning", "ssh_login_unverified", "unverified")} == fresh.standing()
    assert 1 == len(fresh.heard())
    assert "198.51.100" not in fresh.machine.run(["vps-sentry", "--accept-baseline", "--dry-run"]).stdout


def test_a_log_that_was_cut_is_critical(fresh: Watched) -> None:
    fail(fresh.machine, 2)
    fresh.tick()
    fresh.machine.run(["sh", "-euc", f": >{LOG}"])
    fresh.tick()

    assert ("critical", "open", "ssh_log_truncated", LOG) in fresh.heard()
