# SPDX-License-Identifier: GPL-3.0-or-later
"""A text log through the rarer mishaps: packed rotation, holes, clocks, the turn of the year; weakness 7."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple

import pytest
from vps_sentry.errors import CollectError
from vps_sentry.host import Host
from vps_sentry.sshlog import logfiles
from vps_sentry.sshlog.textlog import TextSource

NOW = int(time.mktime((2026, 11, 22, 13, 0, 0, 0, 0, -1)))
PATH = "/var/log/auth.log"
DAY = 86_400
PACKERS: Dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


def line(number: int, stamp: str = "Nov 22 12:00:00") -> bytes:
    return f"{stamp} vps sshd[{number}]: Failed password for root from 203.0.113.7 port 9 ssh2\n".encode()


class Log:
    def __init__(self, root: Path) -> None:
        self.host = Host(str(root))
        self.path = root / PATH[1:]
        self.path.parent.mkdir(parents=True)
        self.position: Dict[str, object] = {}
        self.times: List[int] = []

    def append(self, *numbers: int) -> None:
        with self.path.open("ab") as handle:
            handle.write(b"".join(map(line, numbers)))

    def pack(self, name: str, suffix: str) -> None:
        """Pack a rotated file as logrotate does: the time of its last change stays."""
        plain = self.path.with_name(name)
        packed = self.path.with_name(name + suffix)
        packed.write_bytes(PACKERS[suffix](plain.read_bytes()))
        os.utime(packed, (plain.stat().st_mtime, plain.stat().st_mtime))
        plain.unlink()

    def rotate(self, *, age: int) -> None:
        """Move every rotated file one further and the log to ``.1``, last changed ``age`` seconds ago."""
        for number in (3, 2, 1):
            for found in self.path.parent.glob(f"auth.log.{number}*"):
                found.rename(str(found).replace(f".log.{number}", f".log.{number + 1}"))
        self.path.rename(f"{self.path}.1")
        os.utime(f"{self.path}.1", (NOW - age, NOW - age))
        self.append()

    def read(self, *, now: int = NOW, limit: int = 1 << 26) -> Tuple[List[int], Optional[str], Dict[str, str]]:
        source = TextSource(self.host, PATH, self.position, now=now, limit=limit)
        found = list(source)
        self.position, self.times = source.position, [record.time for record in found]
        return [record.pid for record in found], source.missing, source.gaps


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


@pytest.mark.parametrize("suffix", PACKERS)
def test_two_rotations_and_the_older_one_packed(log: Log, suffix: str) -> None:
    log.append(1, 2)
    log.read()
    log.append(3)
    log.rotate(age=20)
    log.append(4)
    log.rotate(age=10)
    log.pack("auth.log.2", suffix)
    log.append(5)
    assert log.read() == ([3, 4, 5], None, {})
    assert log.read() == ([], None, {})


def test_packed_at_once(log: Log) -> None:
    log.append(1, 2)
    log.read()
    log.append(3)
    log.rotate(age=10)
    log.pack("auth.log.1", ".gz")
    log.append(4)
    assert log.read() == ([3, 4], None, {})


def test_copied_truncated_and_packed(log: Log) -> None:
    log.append(1, 2)
    log.read()
    log.append(3)
    Path(f"{log.path}.1.gz").write_bytes(gzip.compress(log.path.read_bytes()))
    log.path.write_bytes(line(4))
    assert log.read() == ([3, 4], None, {})


def test_the_cap_reached_in_a_packed_file(log: Log) -> None:
    log.append(1, 2)
    log.read()
    log.append(3, 4, 5)
    log.rotate(age=10)
    log.pack("auth.log.1", ".gz")
    log.append(6)
    found = [log.read(limit=2 * len(line(1)) + 10)[0] for _ in range(3)]
    assert found == [[3, 4], [5, 6], []]


def test_the_first_look_takes_a_packed_file_too(log: Log) -> None:
    log.append(1)
    log.rotate(age=10)
    log.pack("auth.log.1", ".gz")
    log.append(2)
    assert log.read() == ([1, 2], None, {})


def test_a_packed_file_of_somebody_else_is_no_continuation(log: Log) -> None:
    log.append(1, 2, 3)
    log.read()
    Path(f"{log.path}.1.gz").write_bytes(gzip.compress(b"".join(map(line, range(11, 19)))))
    log.path.write_bytes(line(4))
    numbers, missing, _ = log.read()
    assert (numbers, missing is not None) == ([4], True)


BROKEN = (
    ("cut", gzip.compress(line(2) * 500)[:60]),
    ("not packed at all", line(2)),
    ("empty", b""),
    ("flipped", gzip.compress(line(2) * 500)[:30] + b"\xff" * 40),
)


@pytest.mark.parametrize("data", [case[1] for case in BROKEN], ids=[case[0] for case in BROKEN])
@pytest.mark.parametrize("suffix", PACKERS)
def test_a_broken_packed_file_is_said_and_the_log_is_read(log: Log, suffix: str, data: bytes) -> None:
    Path(f"{log.path}.1{suffix}").write_bytes(data)
    log.append(1)
    numbers, missing, gaps = log.read()
    told = set() if data == b"" and suffix == ".gz" else {"rotated"}
    assert (numbers[-1:], missing, set(gaps)) == ([1], None, told)


def test_a_bomb_is_not_unpacked(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfiles, "PACKED_LIMIT", 1 << 20)
    Path(f"{log.path}.1.gz").write_bytes(gzip.compress(b"x" * (2 << 20)))
    log.append(1)
    numbers, _, gaps = log.read()
    assert (numbers, "unpacks to more than" in gaps["rotated"]) == ([1], True)


def test_a_rotated_file_that_vanished_is_no_crash(log: Log) -> None:
    Path(f"{log.path}.1").symlink_to("/nonexistent")
    log.append(1)
    assert log.read() == ([1], None, {})


@pytest.mark.parametrize("size", [1, 4096, 300_000, 1 << 24], ids=str)
@pytest.mark.parametrize("kind", ["hole", "written"])
def test_zeros_before_a_line_do_not_hide_it(log: Log, size: int, kind: str) -> None:
    log.append(1)
    log.read()
    with log.path.open("r+b") as handle:
        end = handle.seek(0, os.SEEK_END)
        handle.write(bytes(size) if kind == "written" else b"")
        handle.seek(end + size)
        handle.write(line(2) + line(3))
    numbers, missing, gaps = log.read()
    assert (numbers, missing, gaps) == (
        [2, 3],
        None,
        {"zeros": f"{size} zero bytes stand in {PATH} where lines should be"},
    )


def test_a_hole_at_the_end(log: Log) -> None:
    log.append(1)
    log.read()
    with log.path.open("r+b") as handle:
        handle.truncate(1 << 30)
    assert log.read()[0] == []


def test_a_log_that_appears_later(log: Log) -> None:
    with pytest.raises(CollectError, match="cannot read"):
        log.read()
    log.append(1)
    assert log.read() == ([1], None, {})


def test_a_log_that_may_not_be_read(log: Log) -> None:
    log.append(1)
    log.path.chmod(0)
    if os.geteuid() != 0:
        with pytest.raises(CollectError, match="Permission denied"):
            log.read()
    else:
        assert log.read()[0] == [1]


CLOCKS = (
    ("a line of the future counts now", "2099-01-01T00:00:00Z", NOW, True),
    ("a line of tomorrow is a wrong zone", "2026-11-23T11:00:00+00:00", None, False),
    ("a line from before the last look was written after it", "1970-01-02T00:00:00Z", NOW - 600, True),
    ("no time at all counts now", "Foo 99 12:00:00", None, False),
)


@pytest.mark.parametrize(("stamp", "placed", "told"), [case[1:] for case in CLOCKS], ids=[case[0] for case in CLOCKS])
def test_clocks(log: Log, stamp: str, placed: Optional[int], told: bool) -> None:
    log.append(1)
    log.read(now=NOW - 600)
    with log.path.open("ab") as handle:
        handle.write(line(2, stamp))
    numbers, _, gaps = log.read()
    assert (numbers, set(gaps)) == ([2], {"clock"} if told else set())
    assert placed is None or log.times == [placed]


def test_old_lines_of_a_first_look_keep_their_time(log: Log) -> None:
    log.path.write_bytes(line(1, "2026-01-01T00:00:00Z"))
    log.read()
    assert log.times[0] < NOW - 300 * DAY


def test_a_look_with_a_clock_set_back_since(log: Log) -> None:
    log.append(1)
    log.read(now=NOW + 300 * DAY)
    log.append(2)
    assert (log.read()[0], log.times) == ([2], [NOW - 3600])


def test_the_turn_of_the_year(log: Log) -> None:
    new_year = int(time.mktime((2027, 1, 1, 0, 5, 0, 0, 0, -1)))
    log.path.write_bytes(line(1, "Dec 31 23:59:00") + line(2, "Jan  1 00:01:00"))
    log.read(now=new_year)
    assert log.times == [new_year - 360, new_year - 240]
