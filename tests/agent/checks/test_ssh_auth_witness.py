# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd's log beside the sessions that live and the settings in force: from files to signals."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Dict, List, Tuple

import pytest
from support.processes import Fake, write
from support.sshhost import (
    ACCEPTED,
    FIRST,
    HIDDEN,
    LOG,
    NOW,
    OPTIONS,
    UNVERIFIED,
    log,
    look,
    prepare,
    said,
    session,
    settings,
)
from vps_sentry.checks.ssh_auth import CHECK
from vps_sentry.core.model import Change
from vps_sentry.host import Host
from vps_sentry.sshlog.options import ExpectedLogin, Options
from vps_sentry.tick import take


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    return prepare(tmp_path)


@pytest.mark.weakness(7)
def test_a_session_without_a_line_is_critical_while_it_lives(root: Path) -> None:
    session(root)
    first = look(root, {})
    second = look(root, first.memory or {}, now=NOW + 20 * 3600)
    assert (said(first), said(second)) == ([HIDDEN], [HIDDEN])
    assert first.signals[0].key == "login alice 203.0.113.0/24 unlogged -"
    assert second.signals[0].until == NOW + 44 * 3600

    (root / "run/systemd/sessions/1").unlink()
    assert said(look(root, second.memory or {}, now=NOW + 44 * 3600)) == []


def test_one_that_just_began_is_looked_at_again_at_the_very_next_tick(root: Path) -> None:
    session(root, REALTIME=(NOW - 5) * 1_000_000)
    first = look(root, {})
    assert said(first) == []
    (kind, arguments) = CHECK.stamps(OPTIONS, Host(str(root)), first.memory or {})[1]
    assert (kind, take(kind, arguments) == b"") == ("sessions", False)
    assert said(look(root, first.memory or {}, now=NOW + 300)) == [HIDDEN]


def test_where_there_is_no_logind_the_processes_are_the_witness(root: Path) -> None:
    (root / "run/systemd/sessions").rmdir()
    ticks = os.sysconf("SC_CLK_TCK")
    boot = NOW - int(time.clock_gettime(time.CLOCK_BOOTTIME))
    begun = Fake(20, parent=10, title=b"sshd: root@notty", start=(NOW - 60 - boot) * ticks)
    write(root / "proc", Fake(10), begun)
    (signal,) = look(root, {}).signals
    assert (signal.severity, signal.code, signal.key) == (*HIDDEN, "login root - unlogged -")


def test_a_session_that_was_accepted_is_known(root: Path) -> None:
    session(root)
    first = look(root, {})
    (key,) = first.learnable
    assert CHECK.learn is not None
    memory = CHECK.learn(first.memory or {}, (key,), NOW)
    assert said(look(root, memory, now=NOW + 300)) == []


def test_older_than_the_log_is_nobodys_fault(root: Path) -> None:
    session(root, REALTIME=(NOW - 7200) * 1_000_000)
    assert said(look(root, {})) == []


CONFIRMED = (
    pytest.param({}, [FIRST], id="a session of that user, from there, at that time"),
    pytest.param({"REMOTE_HOST": "198.51.100.1"}, [HIDDEN, UNVERIFIED], id="from elsewhere"),
    pytest.param({"LEADER": "94"}, [HIDDEN, UNVERIFIED], id="another process"),
    pytest.param({"UID": "0", "USER": "root"}, [HIDDEN, UNVERIFIED], id="another user"),
)


@pytest.mark.parametrize(("fields", "expected"), CONFIRMED)
def test_a_line_of_a_text_log_counts_when_a_session_stands_behind_it(
    root: Path, fields: Dict[str, str], expected: List[Tuple[str, str]]
) -> None:
    log(root, ACCEPTED)
    session(root, **fields)
    assert said(look(root, {})) == expected


def test_a_confirmed_login_is_learnt_and_a_forged_one_beside_it_is_not(root: Path) -> None:
    log(root, ACCEPTED)
    log(root, ACCEPTED.replace("password", "publickey"))
    session(root)
    found = look(root, {})
    assert (sorted(found.learnable), said(found)) == (
        ["login alice 203.0.113.0/24 password -"],
        [FIRST, UNVERIFIED],
    )


def test_failures_anybody_could_have_written_make_nothing_critical(root: Path) -> None:
    for port in range(30):
        log(root, f"Failed password for alice from 203.0.113.7 port {port} ssh2", when="12:58:00")
    log(root, ACCEPTED)
    session(root)
    found = said(look(root, {}))
    assert ("warning", "ssh_login_after_burst") in found
    assert "critical" not in {severity for severity, _ in found}


def test_a_login_by_another_program(root: Path) -> None:
    session(root, SERVICE="dropbear")
    session(root, "c1", SERVICE="login", REMOTE="0", REMOTE_HOST="", USER="root", UID="0", LEADER="5")
    found = look(root, {})
    assert [(s.severity, s.code, s.key) for s in found.signals] == [
        ("warning", "login_other", "login alice 203.0.113.0/24 dropbear -"),
        ("warning", "login_other", "login root console login -"),
    ]
    assert said(look(root, found.memory or {}, now=NOW + 25 * 3600)) == []


def test_one_that_is_expected(root: Path) -> None:
    session(root, SERVICE="tailscaled", REMOTE_HOST="100.64.0.9")
    options = Options(sources=OPTIONS.sources, expected_logins=(ExpectedLogin("alice", from_="100.64.0.0/10"),))
    assert said(look(root, {}, options=options)) == []


@pytest.mark.parametrize(
    "fields",
    [{"SERVICE": "su-l"}, {"SERVICE": "crond", "CLASS": "background"}, {"SERVICE": "systemd-user", "CLASS": "manager"}],
    ids=["su", "cron", "a user manager"],
)
def test_what_is_nobodys_login(root: Path, fields: Dict[str, str]) -> None:
    session(root, **fields)
    assert said(look(root, {})) == []


def test_a_log_level_that_hides_logins_stands_until_it_is_gone(root: Path) -> None:
    drop_in = "etc/ssh/sshd_config.d/10-quiet.conf"
    settings(root, "Match User eve\n  LogLevel QUIET\n", drop_in)
    first = look(root, {})
    assert said(first) == [("warning", "ssh_log_hidden")]
    assert first.signals[0].detail == "LogLevel QUIET in /etc/ssh/sshd_config.d/10-quiet.conf:2 (Match User eve)"
    (kind, arguments) = CHECK.stamps(OPTIONS, Host(str(root)), first.memory or {})[2]
    before = take(kind, arguments)
    (root / drop_in).unlink()
    assert take(kind, arguments) != before
    assert (first.memory or {})["stamp"][1] == NOW + 1800
    second = look(root, first.memory or {}, now=NOW + 300)
    assert (said(second), (second.memory or {})["stamp"][1]) == ([], 0)


def test_settings_that_cannot_be_read_are_said(root: Path) -> None:
    settings(root, "PermitRootLogin 'no\n")
    (signal,) = look(root, {}).signals
    assert (signal.severity, signal.code) == ("warning", "ssh_blind")
    assert signal.detail == "/etc/ssh/sshd_config:1: a quote is not closed"


OUTSIDE = (
    pytest.param(-60, "critical", "PasswordAuthentication no; those settings were in force", id="settings older"),
    pytest.param(60, "warning", "PasswordAuthentication no; but the settings moved at", id="settings newer"),
)


@pytest.mark.parametrize(("moved", "severity", "reason"), OUTSIDE)
def test_a_login_that_the_settings_rule_out(root: Path, moved: int, severity: str, reason: str) -> None:
    """Without a listener each connection reads them anew, so only their age counts."""
    settings(root, "PasswordAuthentication no\n")
    login = NOW - 60
    # A ctime cannot be set, so the moment of the login moves instead.
    shift = int((root / "etc/ssh/sshd_config").stat().st_ctime) - moved - login
    clock = time.strftime("%b %d %H:%M:%S", time.localtime(login + shift))
    with (root / LOG).open("w") as handle:
        handle.write(f"{clock} vps sshd[93]: {ACCEPTED}\n")
    session(root, REALTIME=(login + shift) * 1_000_000)
    found = [s for s in look(root, {}, now=NOW + shift).signals if s.code == "ssh_login_outside_policy"]
    assert [s.severity for s in found] == [severity]
    assert reason in found[0].detail


@pytest.mark.weakness(7)
def test_an_attackers_login_among_many_ordinary_ones(root: Path) -> None:
    """Weakness 7: only the last twenty logins were looked at."""
    log(root, ACCEPTED)
    for number in range(1000):
        log(root, f"Accepted password for alice from 198.51.100.7 port {number + 1} ssh2", pid=1000 + number)
    session(root)
    session(root, "2", REMOTE_HOST="198.51.100.7", LEADER="1999")
    assert [s.key for s in look(root, {}).signals if s.code == "ssh_first_login"] == [
        "login alice 198.51.100.0/24 password -",
        "login alice 203.0.113.0/24 password -",
    ]


RATED = (
    pytest.param("root", "publickey", ("critical", "ssh_first_login"), id="root"),
    pytest.param("alice", "keyboard-interactive/pam", ("warning", "ssh_first_login"), id="somebody by sshd"),
    pytest.param("alice", "dropbear", ("warning", "login_other"), id="by something else"),
    pytest.param("alice", "unlogged", ("critical", "session_without_login"), id="nobody knows how"),
)


@pytest.mark.parametrize(("user", "method", "expected"), RATED)
def test_what_a_plan_says_of_a_login(user: str, method: str, expected: Tuple[str, str]) -> None:
    rating = CHECK.rate(Change("added", "ssh_auth", "login", None, {"user": user, "method": method}), OPTIONS)
    assert (rating.severity, rating.code) == expected
