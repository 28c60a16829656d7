# SPDX-License-Identifier: GPL-3.0-or-later
"""``vps-sentry auth`` as it is used: lines as JSON, a sum as text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.tree import ROOT

LOG = b"""\
Nov 22 10:00:00 h sshd[1]: Failed password for root from 1.2.3.4 port 22 ssh2 from 192.0.2.9 port 4 ssh2
Nov 22 10:00:01 h sshd[2]: Accepted publickey for anna from 192.0.2.7 port 5 ssh2: ED25519 SHA256:abc
Nov 22 10:00:02 h sshd[2]: nothing we know
Nov 22 10:00:03 h sshd[2]: Accepted publickey for anna from 192.0.2.7 port 6 ssh2: ED25519 SHA256:abc
Nov 22 10:00:04 h sshd[1]: Failed password for invalid user \x1b[31m from 192.0.2.9 port 4 ssh2
"""


def auth(*words: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "agent/src")}
    command = [sys.executable, "-m", "vps_sentry", "auth", *words]
    return subprocess.run(command, input=data, capture_output=True, env=environment, check=True)


@pytest.fixture(name="log")
def _log(tmp_path: Path) -> str:
    (tmp_path / "auth.log").write_bytes(LOG)
    return str(tmp_path / "auth.log")


def test_json_has_every_recognised_line_and_the_counts(log: str) -> None:
    answer = auth("--format", "json", log)
    rows = [json.loads(line) for line in answer.stdout.splitlines()]

    keys = {"line", "time", "event", "user", "address", "port", "method", "key", "login", "attempts", "trusted"}
    assert [keys] * 4 == [set(row) for row in rows]
    assert [1, 2, 4, 5] == [row["line"] for row in rows]
    assert ("failed", "192.0.2.9") == (rows[0]["event"], rows[0]["address"])
    assert b"4 sshd lines recognised, 1 not" in answer.stderr


@pytest.mark.parametrize("given", ["file", "standard input"])
def test_text_is_a_sum_and_safe_for_a_terminal(log: str, given: str) -> None:
    answer = auth(log) if given == "file" else auth("-", data=LOG)

    assert [
        "accepted           2 lines",
        "failed             2 lines, 2 attempts",
        "",
        "failed attempts by network",
        "         2  192.0.2.0/24",
        "",
        "failed attempts by user",
        "         1  \\x1b[31m",
        "         1  root from 1.2.3.4 port 22 ssh2",
        "",
        "logins",
        "  Nov 22 10:00:01 to Nov 22 10:00:03, 2 times:  anna from 192.0.2.7 by publickey SHA256:abc [unverified]",
    ] == answer.stdout.decode().splitlines()
    assert b"4 sshd lines recognised, 1 not" in answer.stderr


def test_what_is_not_listed_is_counted() -> None:
    lines = [
        b"Nov 22 10:00:00 h sshd[1]: Failed password for u%02d from 192.0.2.1 port 4 ssh2\n" % n for n in range(12)
    ]

    assert b"         2  from others\n" in auth("-", data=b"".join(lines)).stdout


@pytest.mark.budget
def test_a_large_log_fits_into_24_mib(tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    line = b"Nov 22 10:00:00 h sshd[%d]: Failed password for u%d from %d.%d.%d.9 port 4 ssh2\n"
    log.write_bytes(b"".join(line % (n, n % 9999, n % 200 + 1, n % 251, n % 241) for n in range(300_000)))
    code = (
        "import resource, sys; from vps_sentry.__main__ import main\n"
        "main(); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    # Before exec the child's peak is the parent's size, so it is forked from a small shell.
    done = subprocess.run(
        ["sh", "-c", '"$@"; true', "sh", sys.executable, "-c", code, "auth", str(log)],
        check=True, capture_output=True, env={"PYTHONPATH": str(ROOT / "agent/src")},
    )  # fmt: skip
    assert b"failed             300000 lines, 300000 attempts" in done.stdout
    assert int(done.stdout.split()[-1]) <= 24 * 1024
