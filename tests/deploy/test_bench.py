# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/bench: what it says and when it fails; the figures themselves are for the hosts it runs on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import List, Optional

import pytest
from benchmarks import logs, rows
from support.tree import ROOT
from vps_sentry.sshlog.scan import scan

BENCH = str(ROOT / "scripts" / "bench")
CODES = [
    pytest.param(["no-such-row"], 2, "no row no-such-row", id="a row that is none"),
    pytest.param(["--list"], 0, "", id="a list"),
]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, BENCH, *arguments], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(("arguments", "code", "said"), CODES)
def test_exit_codes(arguments: List[str], code: int, said: str) -> None:
    done = run(*arguments)

    assert (code, said in done.stderr) == (done.returncode, True)


def test_every_budget_has_a_row() -> None:
    names = {line.split()[0] for line in run("--list").stdout.splitlines()}

    assert names == {
        "quiet-small", "quiet-default", "ship-empty", "moved", "files-3400", "files-100000", "files-full", "journal",
        "journal-look", "replay-fail2ban", "replay-sshguard", "ports-500", "ports-20000",
        "collect-cold", "collect-warm", "collect-pull", "ingest-unchanged",
    }  # fmt: skip


@pytest.mark.skipif(not shutil.which("cc"), reason="measures against a compiled program")
def test_a_row_is_measured_and_leaves_nothing_behind() -> None:
    before = sorted(Path("/tmp").glob("vps-sentry-bench-*"))
    done = run("--json", "files-3400")
    (found,) = [json.loads(line) for line in done.stdout.splitlines()]

    assert (0, "files-3400", 3) == (done.returncode, found["row"], found["budget"])
    assert 0 < found["ratio"] < 100
    assert before == sorted(Path("/tmp").glob("vps-sentry-bench-*"))


def test_what_is_not_installed_is_skipped_with_the_package_that_brings_it() -> None:
    with pytest.raises(rows.SkippedError, match=r"no-such-tool is not installed \(Debian: some-package\)"):
        rows.tool("no-such-tool", "some-package")


VERDICTS = [
    pytest.param(2.9, 10, False, "", True, id="within"),
    pytest.param(3.1, 10, False, "", False, id="too dear"),
    pytest.param(2.9, 15, False, "", False, id="too much memory"),
    pytest.param(3.1, 10, True, "", True, id="at least so fast"),
    pytest.param(2.9, 10, True, "", False, id="too slow"),
    pytest.param(9.9, 10, False, "20,000 files are watched here", None, id="a host the budget does not speak of"),
]


@pytest.mark.parametrize(("ratio", "mib", "least", "beyond", "verdict"), VERDICTS)
def test_verdicts(ratio: float, mib: int, least: bool, beyond: str, verdict: Optional[bool]) -> None:
    measured = rows.Measured(ratio, mib * 1024, beyond=beyond)
    row = rows.Row("x", "x", 3, lambda: measured, rss_mib=14, least=least)

    assert verdict is row.met(measured)


def test_the_log_that_is_replayed_is_what_the_agent_understands() -> None:
    summary = scan(BytesIO("".join(logs.lines(7000)).encode()))

    assert {"failed", "invalid_user", "accepted", "preauth_disconnect"} <= set(summary.events)
    assert 7 == summary.events["accepted"]
