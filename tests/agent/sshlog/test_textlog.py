# SPDX-License-Identifier: GPL-3.0-or-later
"""A text log read on through everything that happens to text logs: nothing lost, nothing twice, or a word about it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest
from vps_sentry.errors import CollectError
from vps_sentry.host import Host
from vps_sentry.sshlog.textlog import BYTES, TextSource
from vps_sentry.tick.logfile import take

NOW = int(time.mktime((2026, 11, 22, 13, 0, 0, 0, 0, -1)))
PATH = "/var/log/auth.log"


def line(number: int) -> bytes:
    return b"Nov 22 12:%02d:00 vps sshd[%d]: Failed password for root from 203.0.113.7 port 9 ssh2\n" % (
        number % 60,
        number,
    )


def lines(first: int, last: int) -> bytes:
    return b"".join(line(number) for number in range(first, last + 1))


class Log:
    """A log below a root, and a reader that remembers where it was."""

    def __init__(self, root: Path) -> None:
        self.host = Host(str(root))
        self.path = root / PATH[1:]
        self.path.parent.mkdir(parents=True)
        self.position: Dict[str, Any] = {}

    def append(self, data: bytes) -> None:
        with self.path.open("ab") as handle:
            handle.write(data)

    def read(self, limit: int = BYTES) -> Tuple[List[int], Optional[str], bool]:
        """Process numbers of the new lines, what is missing, and whether there is more."""
        source = TextSource(self.host, PATH, self.position, now=NOW, limit=limit)
        numbers = [record.pid for record in source]
        self.position = source.position
        return numbers, source.missing, source.more

    def at_rest(self) -> bool:
        """Whether the quiet path would see nothing new, twice."""
        arguments = (str(self.path), *(self.position[name] for name in ("device", "inode", "size")))
        return take(*arguments) == take(*arguments)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def test_records_are_never_trusted(log: Log) -> None:
    log.append(line(7))
    (record,) = TextSource(log.host, PATH, {}, now=NOW)
    assert (record.time, record.identifier, record.pid, record.trusted) == (NOW - 53 * 60, "sshd", 7, False)


def test_only_what_is_new(log: Log) -> None:
    log.append(lines(1, 3))
    assert log.read() == ([1, 2, 3], None, False)
    assert log.read() == ([], None, False)
    assert log.at_rest()
    log.append(lines(4, 5))
    assert not log.at_rest()
    assert log.read() == ([4, 5], None, False)


@pytest.mark.weakness(7)
def test_half_a_line_waits(log: Log) -> None:
    log.append(line(1) + line(2)[:40])
    assert log.read() == ([1], None, False)
    assert log.at_rest()
    log.append(line(2)[40:])
    assert log.read() == ([2], None, False)


def test_the_first_look_takes_the_newest_rotated_file_too(log: Log) -> None:
    log.append(lines(1, 2))
    log.path.rename(f"{log.path}.1")
    log.append(line(3))
    assert log.read() == ([1, 2, 3], None, False)


@pytest.mark.weakness(7)
@pytest.mark.parametrize("suffix", [".1", "-20261122"], ids=["Debian", "EL"])
def test_renamed(log: Log, suffix: str) -> None:
    log.append(lines(1, 2))
    log.read()
    log.append(line(3))
    log.path.rename(f"{log.path}{suffix}")
    log.append(line(4))
    assert not log.at_rest()
    assert log.read() == ([3, 4], None, False)
    assert log.read() == ([], None, False)


def test_renamed_twice(log: Log) -> None:
    log.append(lines(1, 2))
    log.read()
    log.append(line(3))
    log.path.rename(f"{log.path}.2")
    os.utime(f"{log.path}.2", (1, 1))
    log.append(line(4))
    log.path.rename(f"{log.path}.1")
    log.append(line(5))
    assert log.read() == ([3, 4, 5], None, False)


def test_renamed_and_not_yet_begun_anew(log: Log) -> None:
    log.append(line(1))
    log.read()
    log.append(line(2))
    log.path.rename(f"{log.path}.1")
    log.append(b"")
    assert log.read() == ([2], None, False)
    log.append(line(3))
    assert log.read() == ([3], None, False)


def test_copied_and_truncated(log: Log) -> None:
    log.append(lines(1, 2))
    log.read()
    log.append(line(3))
    Path(f"{log.path}.1").write_bytes(log.path.read_bytes())
    log.path.write_bytes(line(4))
    assert log.read() == ([3, 4], None, False)


def test_cut_without_a_copy_is_said(log: Log) -> None:
    log.append(lines(1, 9))
    log.read()
    log.path.write_bytes(line(10))
    numbers, missing, _ = log.read()
    assert (numbers, missing) == ([10], f"{PATH} was cut to {len(line(10))} bytes without a copy beside it")


def test_rewritten_in_place_is_said(log: Log) -> None:
    log.append(lines(1, 9))
    log.read()
    with log.path.open("r+b") as handle:
        handle.write(lines(11, 22))
    numbers, missing, _ = log.read()
    assert (numbers, missing) == (list(range(11, 23)), f"{PATH} was rewritten in place")


def test_removed_and_begun_anew_is_said(log: Log) -> None:
    log.append(lines(1, 9))
    log.read()
    other = log.path.with_name("other")
    other.write_bytes(line(10))
    other.replace(log.path)
    numbers, missing, _ = log.read()
    assert (numbers, missing is not None) == ([10], True)


def test_an_inode_used_again_is_another_file(log: Log) -> None:
    log.append(lines(1, 2))
    log.read()
    inode = log.path.stat().st_ino
    # The file system is not made to hand the number out again; the position says that it did.
    log.path.unlink()
    log.append(lines(31, 39))
    log.position["inode"] = log.path.stat().st_ino
    numbers, missing, _ = log.read()
    assert (numbers, missing is not None, inode > 0) == (list(range(31, 40)), True, True)


def test_the_cap_of_a_pass(log: Log) -> None:
    log.append(lines(1, 5))
    limit = 2 * len(line(1)) + 10
    assert log.read(limit) == ([1, 2], None, True)
    assert not log.at_rest()
    assert log.read(limit) == ([3, 4], None, True)
    assert log.read(limit) == ([5], None, False)
    assert log.at_rest()


def test_the_cap_reached_in_the_rotated_file(log: Log) -> None:
    log.append(lines(1, 3))
    log.path.rename(f"{log.path}.1")
    log.append(lines(4, 5))
    limit = 2 * len(line(1))
    assert log.read(limit) == ([1, 2], None, True)
    assert log.read(limit) == ([3, 4], None, True)
    assert log.read(limit) == ([5], None, False)


def test_an_endless_line_is_passed_over(log: Log) -> None:
    log.append(line(1) + b"x" * 200_000)
    assert log.read() == ([1], None, False)
    log.append(b"x\n" + line(2))
    assert log.read() == ([2], None, False)


@pytest.mark.parametrize("kind", ["missing", "fifo", "link", "directory"])
def test_what_is_no_log(log: Log, kind: str) -> None:
    if kind == "fifo":
        os.mkfifo(log.path)
    elif kind == "link":
        log.path.symlink_to("/etc/hostname")
    elif kind == "directory":
        log.path.mkdir()
    with pytest.raises(CollectError, match="cannot read"):
        log.read()
