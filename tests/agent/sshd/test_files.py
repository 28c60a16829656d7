# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd's settings as they lie on a host, and what follows for a login: drop-ins, command lines, several sshd."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import pytest
from vps_sentry.host import Host
from vps_sentry.sshd.files import Accounts, Read, accounts, read
from vps_sentry.sshd.judge import Judge, Running
from vps_sentry.sshd.match import Who
from vps_sentry.sshlog.messages import Event

PASSWD = b"""root:x:0:0::/root:/bin/bash
toor:x:0:0::/root:/bin/sh
alice:x:1000:1000::/h:/bin/sh
bad
sync:x:4:4::/:/bin/sync
"""
GROUP = b"root:x:0:\nalice:x:1000:\nstaff:x:50:bob,alice\nbroken\n"
DEBIAN = "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n"
ALICE = Who("alice", "203.0.113.7", 1000)
T = 1_795_349_000


def host(root: Path, files: Dict[str, str]) -> Host:
    for name, text in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Host(str(root))


def test_drop_ins_come_first_in_the_order_of_their_names(tmp_path: Path) -> None:
    there = {
        "/etc/ssh/sshd_config": DEBIAN + "PasswordAuthentication no\n",
        "/etc/ssh/sshd_config.d/60-b.conf": "PasswordAuthentication no\n",
        "/etc/ssh/sshd_config.d/50-cloud-init.conf": "PasswordAuthentication yes\n",
        "/etc/ssh/sshd_config.d/.hidden.conf": "PasswordAuthentication no\n",
        "/etc/ssh/sshd_config.d/10-off.conf.disabled": "PasswordAuthentication no\n",
    }
    found = read(host(tmp_path, there))
    assert (found.policy.forbids(ALICE, "password"), found.problem) == (None, "")
    assert found.places == (
        "/etc/ssh/sshd_config",
        "/etc/ssh/sshd_config.d",
        "/etc/ssh/sshd_config.d/50-cloud-init.conf",
        "/etc/ssh/sshd_config.d/60-b.conf",
    )


def test_relative_patterns_and_directories_with_wildcards(tmp_path: Path) -> None:
    there = {"/etc/ssh/sshd_config": "Include a*/x none/*\n", "/etc/ssh/ab/x": "AllowUsers bob\n"}
    found = read(host(tmp_path, there))
    assert (found.policy.forbids(ALICE, "publickey"), found.problem) == ("AllowUsers does not name alice", "")


@pytest.mark.parametrize("text", ["AllowUsers 'a\n", "Include /etc/ssh/loop\n", "Include /etc/ssh/fifo\n"])
def test_what_cannot_be_read_is_a_problem_and_forbids_nothing(tmp_path: Path, text: str) -> None:
    where = host(tmp_path, {"/etc/ssh/sshd_config": text, "/etc/ssh/loop": "Include /etc/ssh/loop\n"})
    os.mkfifo(tmp_path / "etc/ssh/fifo")
    found = read(where)
    assert found.problem
    event = Event("accepted", "root", "203.0.113.7", 9, "password", login=True)
    assert Judge([Running(found, 0)], accounts(PASSWD)).objection(event, T) is None


STARTED: Tuple[Tuple[List[str], Optional[str]], ...] = (
    ([], None),
    (["-D", "-o", "PasswordAuthentication=no"], "PasswordAuthentication no"),
    (["-oPasswordAuthentication no", "-D"], "PasswordAuthentication no"),
    (["-f", "/root/evil"], "AllowUsers does not name alice"),
    (["-D", "-R", "-e", "-p", "22"], None),
)


@pytest.mark.parametrize(("arguments", "reason"), STARTED, ids=[" ".join(entry[0]) or "none" for entry in STARTED])
def test_the_command_line_comes_first(tmp_path: Path, arguments: List[str], reason: Optional[str]) -> None:
    there = {"/etc/ssh/sshd_config": "PasswordAuthentication yes\n", "/root/evil": "AllowUsers eve\n"}
    found = read(host(tmp_path, there), arguments)
    assert (found.policy.forbids(ALICE, "password"), found.problem) == (reason, "")


def test_a_command_line_nobody_understands_is_a_problem(tmp_path: Path) -> None:
    found = read(host(tmp_path, {"/etc/ssh/sshd_config": ""}), ["-Z"])
    assert found.problem.startswith("sshd was started with -Z")


def test_quiet_by_the_command_line(tmp_path: Path) -> None:
    found = read(host(tmp_path, {"/etc/ssh/sshd_config": "LogLevel INFO\n"}), ["-q", "-D"])
    assert found.policy.hiding() == (("QUIET", "command line:1"),)


def test_accounts_and_their_groups() -> None:
    known = accounts(PASSWD, GROUP)
    assert (known.uids["toor"], known.names[0], sorted(known.shells)) == (0, "root", ["alice", "root", "toor"])
    assert known.who("alice", None) == Who("alice", None, 1000, frozenset({"alice", "staff"}))
    assert known.who("ldap", None) == Who("ldap")


SWITCHES = (
    (b"group: files systemd\n", True),
    (b"passwd: files sss\ngroup: files [SUCCESS=merge] systemd\n", True),
    (b"group: files sss # x\n", False),
    (b"group: compat ldap\n", False),
    (b"", True),
)


@pytest.mark.parametrize(("switch", "known"), SWITCHES)
def test_groups_from_elsewhere_are_not_known_for_certain(switch: bytes, known: bool) -> None:
    assert (accounts(PASSWD, GROUP, switch=switch).who("alice", None).groups is not None) is known


def settings(root: Path, name: str, text: str) -> Read:
    return read(host(root, {f"/{name}": text}), ["-f", f"/{name}"])


LOGIN = Event("accepted", "alice", "203.0.113.7", 9, "password", login=True)


def judge(running: List[Running], *, listening: int = 0) -> Judge:
    found = Judge(running, Accounts({"alice": 1000}, {1000: "alice"}, frozenset({"alice"}), {}))
    found.listening = listening
    return found


SINCE = (
    # Started, listening, login: seconds after the settings moved -> severity.
    (10, 0, 60, "critical"),
    (0, 0, 60, "critical"),
    (-10, 0, 60, "warning"),
    (-10, 20, 60, "critical"),
    (-10, -5, 60, "warning"),
    (10, 0, 5, "warning"),
    (-10, 20, 15, "warning"),
)


@pytest.mark.parametrize(("started", "listening", "when", "severity"), SINCE)
def test_only_settings_that_were_surely_in_force_make_it_critical(
    tmp_path: Path, started: int, listening: int, when: int, severity: str
) -> None:
    """A reload keeps the process and its start; sshd says then that it listens."""
    found = settings(tmp_path, "c", "PasswordAuthentication no\n")
    moved = found.changed
    judged = judge([Running(found, moved + started)], listening=moved + listening if listening else 0)
    objection = judged.objection(LOGIN, moved + when)
    assert objection is not None
    assert objection.severity == severity
    assert objection.reason.startswith("PasswordAuthentication no")


def test_one_of_two_sshd_may_have_let_him_in(tmp_path: Path) -> None:
    closed, open_ = settings(tmp_path, "c", "PasswordAuthentication no\n"), settings(tmp_path, "o", "UsePAM no\n")
    both = judge([Running(closed, T), Running(open_, T)])
    assert both.objection(LOGIN, T + 60) is None
    assert both.takes_passwords("alice", "203.0.113.7")
    assert not judge([Running(closed, T)]).takes_passwords("alice", "203.0.113.7")
