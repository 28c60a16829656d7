# SPDX-License-Identifier: GPL-3.0-or-later
"""The check from log file to signals: which source, what it remembers, what it says when it cannot see."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from support.tree import ROOT
from vps_sentry.checks import Context
from vps_sentry.checks.ssh_auth import CHECK
from vps_sentry.core.codec import CodecError, decode, encode
from vps_sentry.core.model import Observation
from vps_sentry.errors import CollectError
from vps_sentry.host import Host
from vps_sentry.sshd.files import accounts
from vps_sentry.sshlog.options import ExpectedLogin, Options, validate
from vps_sentry.sshlog.rules import DAY
from vps_sentry.tick import take

NOW = int(time.mktime((2026, 11, 22, 13, 0, 0, 0, 0, -1)))
LOG = "/var/log/auth.log"
KEY = "SHA256:UlvTNRrIo+vb+/SOX9LzVmM2x3ru82zEBU6vPocBPMU"
PASSWD = b"""root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
sync:x:4:65534:sync:/bin:/bin/sync
alice:x:1000:1000::/home/alice:/bin/bash
\xff:x:1001:1001::/home/x:/bin/sh
broken
"""
FILES = Options(sources=(LOG, "/var/log/secure"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_bytes(PASSWD)
    (tmp_path / "var/log").mkdir(parents=True)
    (tmp_path / "proc").mkdir()
    (tmp_path / "etc/ssh").mkdir()
    (tmp_path / "etc/ssh/sshd_config").write_text("UsePAM yes\n")
    return tmp_path


def write(root: Path, *messages: str, path: str = LOG) -> None:
    with (root / path[1:]).open("a") as handle:
        handle.writelines(f"Nov 22 12:59:00 vps sshd[9]: {message}\n" for message in messages)


def look(root: Path, memory: Dict[str, Any], *, options: Options = FILES, now: int = NOW) -> Observation:
    return CHECK.collect(Context(Host(str(root)), options, now, memory))


def said(observation: Observation) -> List[Tuple[str, str]]:
    return [(signal.severity, signal.code) for signal in observation.signals]


FAILED = tuple(f"Failed password for root from 203.0.113.7 port {port} ssh2" for port in range(1, 26))
ACCEPTED = "Accepted password for root from 203.0.113.7 port 99 ssh2"


def test_a_burst_over_two_runs(root: Path) -> None:
    write(root, *FAILED[:24])
    first = look(root, {})
    write(root, FAILED[24])
    second = look(root, first.memory or {})
    assert (said(first), said(second)) == ([], [("info", "ssh_failure_burst")])


def test_a_text_log_is_never_critical_and_teaches_nothing(root: Path) -> None:
    write(root, *FAILED, ACCEPTED)
    seen = look(root, {"accepted": True})
    assert said(seen) == [("info", "ssh_failure_burst"), ("warning", "ssh_login_unverified")]
    assert (seen.learnable, seen.items) == ({}, {})


def test_the_run_does_not_change_the_memory_it_was_given(root: Path) -> None:
    write(root, *FAILED[:24])
    first = look(root, {}).memory or {}
    before = str(first)
    write(root, FAILED[24])
    look(root, first)
    assert str(first) == before


@pytest.mark.weakness(8)
def test_which_source_was_read(root: Path) -> None:
    write(root, FAILED[0], path="/var/log/secure")
    memory = look(root, {}).memory or {}
    assert memory["source"] == "/var/log/secure"


def test_exactly_one_source(root: Path) -> None:
    write(root, *FAILED[:20])
    write(root, *FAILED[:20], path="/var/log/secure")
    assert said(look(root, {})) == []


def test_another_source_than_last_time_is_said(root: Path) -> None:
    write(root, FAILED[0])
    first = look(root, {})
    (root / LOG[1:]).rename(root / "var/log/secure")
    assert said(look(root, first.memory or {})) == [("warning", "ssh_log_gap")]


@pytest.mark.weakness(8)
def test_no_source_at_all_is_a_failure_with_a_remedy(root: Path) -> None:
    with pytest.raises(CollectError, match=r"no log of sshd can be read .*checks.ssh_auth.sources"):
        look(root, {})


def test_a_log_that_was_cut_is_critical(root: Path) -> None:
    write(root, *FAILED[:3])
    first = look(root, {})
    (root / LOG[1:]).write_bytes(b"")
    assert said(look(root, first.memory or {})) == [("critical", "ssh_log_truncated")]


def test_messages_nobody_knows_are_said(root: Path) -> None:
    write(root, *["Grmpf"] * 6, *FAILED[:20], *["Server listening on 0.0.0.0 port 22."] * 24)
    assert said(look(root, {})) == [("warning", "ssh_log_gap")]


def test_stamps_are_quiet_until_the_log_moves(root: Path) -> None:
    write(root, FAILED[0])
    memory = look(root, {}).memory or {}
    (kind, arguments), *_ = CHECK.stamps(FILES, Host(str(root)), memory)
    before = take(kind, arguments)
    assert take(kind, arguments) == before
    write(root, FAILED[1])
    moved = take(kind, arguments)
    assert before != moved
    assert moved != take(kind, arguments)


def test_a_line_between_look_and_stamp_is_not_taken_for_seen(root: Path) -> None:
    write(root, FAILED[0])
    memory = look(root, {}).memory or {}
    write(root, FAILED[1])
    (kind, arguments), *_ = CHECK.stamps(FILES, Host(str(root)), memory)
    assert take(kind, arguments) != take(kind, arguments)


def test_a_failed_look_is_never_quiet(root: Path) -> None:
    (root / "etc/machine-id").write_text("0" * 32 + "\n")
    (kind, _), *_ = CHECK.stamps(FILES, Host(str(root)), {})
    assert kind == "journal"


def test_learn_begins_with_the_first_acceptance() -> None:
    assert CHECK.learn is not None
    assert CHECK.learn({}, (), NOW)["accepted"]


def test_accounts_are_those_with_a_login_shell() -> None:
    assert accounts(PASSWD).shells == {"root", "alice", "\\xff"}


def test_the_configuration_says_from() -> None:
    raw = {"expected_logins": [{"user": "deploy", "key": KEY, "from": "10.0.0.0/8"}], "sources": [LOG]}
    options = decode(Options, raw)
    assert options == Options(sources=(LOG,), expected_logins=(ExpectedLogin("deploy", KEY, "10.0.0.0/8"),))
    assert encode(options)["expected_logins"] == [{"user": "deploy", "key": KEY, "from": "10.0.0.0/8", "expires": None}]


def test_the_configuration_does_not_know_the_fields_name() -> None:
    with pytest.raises(CodecError, match=r"\$\.expected_logins\[0\]\.from_: unknown key"):
        decode(Options, {"expected_logins": [{"user": "deploy", "from_": "any"}]})


def test_the_defaults_can_be_used() -> None:
    validate(Options())


UNUSABLE = (
    (Options(window="1 hour"), "window"),
    (Options(seen_ttl="never"), "seen_ttl"),
    (Options(failed_threshold=0), "failed_threshold"),
    (Options(invalid_user_threshold=-1), "invalid_user_threshold"),
    (Options(sources="secure"), "sources"),
    (Options(sources=("journal", "auth.log")), "sources"),
    (Options(expected_logins=(ExpectedLogin("a", from_="everywhere"),)), "from"),
    (Options(expected_logins=(ExpectedLogin("a", from_="10.0.0.0/33"),)), "from"),
    (Options(expected_logins=(ExpectedLogin("a", expires="soon"),)), "expires"),
)


@pytest.mark.parametrize(("options", "word"), UNUSABLE, ids=[word for _, word in UNUSABLE])
def test_what_cannot_be_used_is_named(options: Options, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        validate(options)


def test_what_cannot_be_used_does_not_crash_a_run(root: Path) -> None:
    write(root, FAILED[0])
    with pytest.raises(CollectError, match="window"):
        look(root, {}, options=replace(FILES, window="x"))


def test_memory_forgets_the_burst_after_its_window(root: Path) -> None:
    write(root, *FAILED)
    first = look(root, {})
    assert said(look(root, first.memory or {}, now=NOW + DAY)) == []


def test_a_python_without_ctypes_fails_this_check_alone() -> None:
    """In the middle of a dist-upgrade libffi may be gone: the other checks still have to look."""
    program = (
        "import sys; sys.modules['_ctypes'] = None\n"
        "from vps_sentry.checks import discover\n"
        "from vps_sentry.errors import CollectError\n"
        "from vps_sentry.host import Host\n"
        "from vps_sentry.sshlog.choice import choose\n"
        "from vps_sentry.sshlog.options import Options\n"
        "print(len(dict(discover())) > 3)\n"
        "try:\n    choose(Host(), Options(sources='journal'), memory={}, now=0)\n"
        "except CollectError as exc:\n    print('cannot load what reads the journal' in str(exc))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "agent" / "src")}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

    assert ["True", "True"] == done.stdout.split()
