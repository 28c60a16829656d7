# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading content: believed only if nothing moved meanwhile, and without side effects."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path
from typing import Iterator

import pytest
from support.disk import write
from vps_sentry.watch import hashing

LONG_AGO = 1_000_000_000


def read(path: Path, *, expected: Path) -> hashing.Reading:
    return hashing.read(os.fsencode(path), expected.lstat(), descriptor=None)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"one", id="short"),
        pytest.param(bytes(256 * 1024), id="exactly one chunk"),
        pytest.param(bytes(256 * 1024 + 1), id="a chunk and a byte"),
    ],
)
def test_content_is_hashed_whole(content: bytes, tmp_path: Path) -> None:
    path = write(tmp_path / "a", content)

    reading = read(path, expected=path)

    assert (reading.sha256, reading.problem) == (hashlib.sha256(content).hexdigest(), None)


def test_reading_leaves_no_trace_in_the_access_time(tmp_path: Path) -> None:
    path = write(tmp_path / "a")
    os.utime(path, (LONG_AGO, LONG_AGO))

    read(path, expected=path)

    assert path.stat().st_atime == LONG_AGO


@pytest.fixture
def growing(tmp_path: Path) -> Iterator[Path]:
    """A file that somebody appends to without a pause."""
    path = write(tmp_path / "log", bytes(32 * 1024**2))
    ended = threading.Event()

    def append() -> None:
        with path.open("ab", buffering=0) as handle:
            while not ended.is_set():
                handle.write(b"line\n")
                time.sleep(0.0002)

    writer = threading.Thread(target=append)
    writer.start()
    yield path
    ended.set()
    writer.join()


def test_a_file_that_grows_while_it_is_read_is_unstable(growing: Path) -> None:
    reading = read(growing, expected=growing)

    assert (reading.sha256, reading.problem) == (None, "unstable")


def test_another_file_in_the_same_place_is_unstable(tmp_path: Path) -> None:
    path, other = write(tmp_path / "a"), write(tmp_path / "b")

    assert read(path, expected=other).problem == "unstable"


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        pytest.param("fifo", "not a regular file", id="a fifo put in its place does not block"),
        pytest.param("link", "not a regular file", id="a link put in its place is not followed"),
        pytest.param("directory", "not a regular file", id="a directory"),
        pytest.param("none", "No such file or directory", id="gone"),
    ],
)
def test_what_took_the_place_of_a_file_is_not_read(kind: str, problem: str, tmp_path: Path) -> None:
    expected, path = write(tmp_path / "expected"), tmp_path / "a"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("expected")
    elif kind == "directory":
        path.mkdir()

    reading = read(path, expected=expected)

    assert (reading.sha256, reading.problem) == (None, problem)
