# SPDX-License-Identifier: GPL-3.0-or-later
"""logind's session files, as systemd 247, 252 and 257 really write them, and whose login each is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional

import pytest
from vps_sentry.sessions import logind
from vps_sentry.sessions.session import Session

BOOKWORM = b"""# This is private data. Do not parse.
UID=1001
USER=alice
ACTIVE=1
IS_DISPLAY=1
STATE=active
REMOTE=1
TYPE=tty
ORIGINAL_TYPE=tty
CLASS=user
SCOPE=session-31.scope
FIFO=/run/systemd/sessions/31.ref
REMOTE_HOST=10.88.0.1
SERVICE=sshd
POSITION=0
LEADER=93
AUDIT=31
REALTIME=1795563285479408
MONOTONIC=627329897
"""
ALICE = Session("logind 31 1795563285479408", "ssh", "alice", 1001, 1795563285, (93,), "10.88.0.1", remote=True)


def change(**fields: str) -> bytes:
    lines = [line for line in BOOKWORM.splitlines() if line.partition(b"=")[0].decode() not in fields]
    return b"\n".join([*lines, *(f"{name}={value}".encode() for name, value in fields.items() if value)]) + b"\n"


SESSIONS = (
    pytest.param(BOOKWORM, ALICE, id="ssh"),
    pytest.param(change(STATE="closing"), ALICE, id="closing: what it left behind still runs"),
    pytest.param(change(REMOTE="0", REMOTE_HOST="localhost"), ALICE._replace(address=None), id="ssh from this host"),
    pytest.param(change(REMOTE_HOST="office.example"), ALICE._replace(address=None), id="a name instead of an address"),
    pytest.param(change(REMOTE_HOST="::ffff:10.88.0.1"), ALICE, id="a mapped address"),
    pytest.param(change(CLASS="user-early"), ALICE, id="root at boot, systemd 256"),
    pytest.param(
        change(SERVICE="login", REMOTE="0", REMOTE_HOST="", TTY="tty1"),
        ALICE._replace(kind="login", address=None, remote=False),
        id="the console",
    ),
    pytest.param(change(SERVICE="dropbear"), ALICE._replace(kind="dropbear"), id="dropbear"),
    pytest.param(change(SERVICE="tailscaled"), ALICE._replace(kind="tailscaled"), id="tailscale ssh"),
    pytest.param(change(SERVICE=""), ALICE._replace(kind="unknown"), id="a service that gives no name"),
    pytest.param(change(CLASS="manager", SERVICE="systemd-user"), None, id="a user manager"),
    pytest.param(change(CLASS="background", SERVICE="crond"), None, id="a cron job"),
    pytest.param(change(CLASS="user", SERVICE="cron", REMOTE="0"), None, id="a cron job of an older release"),
    pytest.param(change(CLASS="greeter"), None, id="a greeter"),
    pytest.param(change(SERVICE="su-l", REMOTE="0"), None, id="su"),
    pytest.param(change(SERVICE="sudo", REMOTE="0"), None, id="sudo"),
    pytest.param(change(REALTIME=""), None, id="without a time"),
    pytest.param(change(REALTIME="\u0661"), None, id="digits that are none"),
    pytest.param(change(LEADER=""), ALICE._replace(pids=()), id="without a leader"),
    pytest.param(b"", None, id="empty"),
    pytest.param(b"\xff\0=\n===\n", None, id="no session file"),
)


@pytest.mark.parametrize(("data", "expected"), SESSIONS)
def test_parse(data: bytes, expected: Optional[Session]) -> None:
    assert logind.parse("31", data) == expected


def test_the_directory(tmp_path: Path) -> None:
    (tmp_path / "31").write_bytes(BOOKWORM)
    (tmp_path / "c2").write_bytes(change(CLASS="manager"))
    (tmp_path / ".#31abc").write_bytes(BOOKWORM)
    os.mkfifo(tmp_path / "31.ref")
    assert logind.read(str(tmp_path)) == ([ALICE], [])


def test_what_is_no_file_is_said_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "31")
    assert logind.read(str(tmp_path)) == ([], [f"cannot read {tmp_path}/31: not a regular file"])


def test_no_logind_is_no_problem(tmp_path: Path) -> None:
    assert logind.read(str(tmp_path / "none")) == ([], [])
