# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole log: every line counted once, hostile lines included, in bounded memory."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import List, Tuple

import pytest
import vps_sentry
from vps_sentry.sshlog.blocks import CHUNK, LONGEST_LINE
from vps_sentry.sshlog.replay import Counts, replay, to_json

CASES = Path(__file__).parents[2] / "cases" / "ssh_auth"
HEAD = b"Nov 22 12:13:10 vps sshd[614]: "
FAILED = HEAD + b"Failed password for root from 203.0.113.7 port 9 ssh2"


def events(data: bytes) -> Tuple[List[object], Counts]:
    """The event names of a log, and the counts."""
    rows = replay(io.BytesIO(data))
    return [row["event"] for row in rows], rows.counts


def test_row_has_the_keys_of_the_contract() -> None:
    (row,) = replay(io.BytesIO(b"\n" + FAILED + b"\n"))
    assert row == {
        "line": 2,
        "time": "Nov 22 12:13:10",
        "event": "failed",
        "user": "root",
        "address": "203.0.113.7",
        "port": 9,
        "method": "password",
        "key": None,
        "login": False,
        "attempts": 1,
        "trusted": False,
    }


STREAMS: Tuple[Tuple[str, bytes, List[object], Counts], ...] = (
    ("nothing", b"", [], Counts(0, 0, 0)),
    ("no newline at the end", FAILED, ["failed"], Counts(1, 1, 0)),
    ("CR is no end of a line and no part of the format", FAILED + b"\r\n", ["failed"], Counts(1, 1, 0)),
    ("other programs", b"Nov 22 12:13:10 vps cron[1]: x\n" + FAILED + b"\n", ["failed"], Counts(2, 1, 0)),
    ("sshd says something unknown", HEAD + b"Grmpf\n" + FAILED + b"\n", ["failed"], Counts(2, 1, 1)),
    ("NEL, VT and U+2028 end no line", HEAD + b"Grmpf\xc2\x85\x0b\xe2\x80\xa8" + FAILED, [], Counts(1, 0, 1)),
    ("a line over the limit", b"x" * (LONGEST_LINE + 1) + b"\n" + FAILED, ["failed"], Counts(2, 1, 0, 1)),
    ("a line over many chunks", b"x" * (3 * CHUNK) + b"\n" + FAILED, ["failed"], Counts(2, 1, 0, 1)),
    ("a line over the limit at the end", FAILED + b"\n" + b"x" * (3 * CHUNK), ["failed"], Counts(2, 1, 0, 1)),
    ("NUL bytes", b"\0" * 100 + b"\n" + FAILED, ["failed"], Counts(2, 1, 0)),
)


@pytest.mark.parametrize(
    ("data", "expected", "counts"), [case[1:] for case in STREAMS], ids=[case[0] for case in STREAMS]
)
def test_streams(data: bytes, expected: List[object], counts: Counts) -> None:
    assert events(data) == (expected, counts)


def test_lines_across_chunks_are_whole() -> None:
    lines = 2 * CHUNK // len(FAILED) + 7
    assert events((FAILED + b"\n") * lines) == (["failed"] * lines, Counts(lines, lines, 0))


def test_each_line_is_recognised_by_itself() -> None:
    """Others' lines first, and text among JSON: no line decides what the rest is."""
    record = b'{"SYSLOG_IDENTIFIER":"sshd","MESSAGE":"Failed password for root from 203.0.113.7 port 9 ssh2"}\n'
    other = b'{"SYSLOG_IDENTIFIER":"cron","MESSAGE":"sshd"}\n'
    data = b"-- Boot 8a8d0e3f --\n" + other + b"kernel: x\n" + record + FAILED + b"\n" + other + record
    assert events(data) == (["failed"] * 3, Counts(7, 3, 0))


@pytest.mark.parametrize("release", ["bullseye", "bookworm", "trixie"])
def test_records_without_a_unit_count_as_much(release: str) -> None:
    """About one true record in fourteen has none: short-lived processes are gone before journald looks at them."""
    lines = (CASES / f"{release}.jsonl").read_bytes().splitlines(keepends=True)
    bare = b"".join(line for line in lines if b'"_SYSTEMD_UNIT"' not in line and b'"_UID": "0"' in line)
    rows = list(replay(io.BytesIO(bare)))
    assert (len(rows), {row["trusted"] for row in rows}) == (bare.count(b"\n"), {True})
    assert len(rows) > 3


@pytest.mark.parametrize(("release", "lines"), [("bullseye", 117), ("bookworm", 119), ("trixie", 116)])
def test_no_real_record_is_lost(release: str, lines: int) -> None:
    _, counts = events((CASES / f"{release}.jsonl").read_bytes())
    assert counts == Counts(lines, lines, 0)


def test_only_records_of_root_are_trusted() -> None:
    rows = list(replay(io.BytesIO((CASES / "trixie.jsonl").read_bytes())))
    assert [row["event"] for row in rows if not row["trusted"]] == ["other"]


@pytest.mark.parametrize("release", ["bullseye", "bookworm", "trixie"])
def test_to_json_is_json(release: str) -> None:
    rows = list(replay(io.BytesIO((CASES / f"{release}.jsonl").read_bytes())))
    assert [json.loads(to_json(row)) for row in rows] == rows


def test_to_json_escapes() -> None:
    (row,) = replay(io.BytesIO(HEAD + b'Invalid user a"\xe2\x82\xac\xff from 203.0.113.7\n'))
    assert json.loads(to_json(row)) == row


@pytest.mark.budget
def test_a_large_log_fits_into_24_mib(tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    log.write_bytes((FAILED + b"\n") * 200_000)
    code = (
        "import resource, sys; from vps_sentry.sshlog.replay import replay\n"
        "print(sum(1 for _ in replay(open(sys.argv[1], 'rb'))), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    environment = {"PYTHONPATH": str(Path(vps_sentry.__file__).parents[1])}
    # Before exec the child's peak is the parent's size, so it is forked from a small shell.
    done = subprocess.run(
        ["sh", "-c", '"$@"; true', "sh", sys.executable, "-c", code, str(log)],
        check=True, capture_output=True, env=environment,
    )  # fmt: skip
    lines, kib = done.stdout.split()
    assert int(lines) == 200_000
    assert int(kib) <= 24 * 1024
