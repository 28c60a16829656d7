# SPDX-License-Identifier: GPL-3.0-or-later
"""The slice of a quiet tick: silent only while every file has the content it had, whatever its stat record says."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Callable, Type

import pytest
from support.disk import write
from vps_sentry.tick import rehash, take
from vps_sentry.watch import index

RUN = 7
BEAT = "2026-01-01T00:00:00Z run=%d exit=0 cpu_ms=1 due=5\n"


class State:
    """A state directory whose index lets the run after ``RUN`` read one file again, and later ones nothing."""

    def __init__(self, path: Path, content: bytes) -> None:
        self.path = path
        self.file = write(path / "w" / "a\xff\n", content)
        digest = hashlib.sha256(content).digest()
        self.entries = [(os.fsencode(self.file), len(content), digest)]
        self.index([self.entries])
        self.ended(RUN)

    def index(self, slices: list[index.Slice]) -> None:
        (self.path / "files.index").write_bytes(index.dump(index.Index({}, slices=tuple(slices))))

    def ended(self, run: int) -> None:
        """The heartbeat of run number ``run``."""
        (self.path / "heartbeat").write_text(BEAT % run)

    def take(self) -> bytes:
        return take("rehash", (os.fsencode(self.path), RUN))


@pytest.fixture(name="state", params=[pytest.param(3, id="small"), pytest.param(3_000_000, id="large, by OpenSSL")])
def _state(request: pytest.FixtureRequest, tmp_path: Path) -> State:
    return State(tmp_path, b"x" * request.param)


def test_unmoved_content_is_silent(state: State) -> None:
    assert state.take() == b""


def test_other_content_never_gives_the_same_answer_twice(state: State) -> None:
    state.file.write_bytes(b"y" * state.file.stat().st_size)

    assert state.take() != state.take()


def turn_to_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def turn_to_link(path: Path) -> None:
    path.rename(path.with_name("other"))
    path.symlink_to("other")


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-1]), id="cut off"),
        pytest.param(turn_to_fifo, id="a fifo now, which is not opened"),
        pytest.param(turn_to_link, id="a link now, although to the same content"),
    ],
)
def test_what_is_no_longer_that_file_moves(act: Callable[[Path], object], state: State) -> None:
    act(state.file)

    assert state.take() != b""


@pytest.mark.parametrize(
    ("act", "error"),
    [
        pytest.param(lambda state: state.file.unlink(), FileNotFoundError, id="file gone"),
        pytest.param(lambda state: (state.path / "files.index").unlink(), FileNotFoundError, id="index lost"),
        pytest.param(lambda state: (state.path / "heartbeat").write_text("torn"), ValueError, id="heartbeat torn"),
        pytest.param(lambda state: state.ended(RUN - 1), ValueError, id="heartbeat from the past"),
        pytest.param(lambda state: state.ended(RUN + rehash.SLICES), ValueError, id="all slices are used up"),
        pytest.param(
            lambda state: (state.path / "files.index").write_bytes(b"\xff" * 9000), ValueError, id="foreign index"
        ),
        pytest.param(
            lambda state: (state.path / "files.index").write_bytes((state.path / "files.index").read_bytes()[:250]),
            ValueError,
            id="index torn in a slice",
        ),
        pytest.param(
            lambda state: (state.path / "files.index").write_bytes(rehash.MAGIC),
            ValueError,
            id="index torn in its head",
        ),
    ],
)
def test_what_cannot_be_read_is_never_silent(
    act: Callable[[State], object], error: Type[Exception], tmp_path: Path
) -> None:
    """A power cut may lose the index: the next run then begins the round anew."""
    state = State(tmp_path, b"one")
    act(state)

    with pytest.raises(error):
        state.take()


def test_each_run_reads_its_own_slice(tmp_path: Path) -> None:
    state = State(tmp_path, b"one")
    state.index([[], state.entries])
    state.file.write_bytes(b"two")
    answers = []
    for run in range(RUN, RUN + rehash.SLICES):
        state.ended(run)
        answers.append(state.take() == b"")

    assert answers == [number != 1 for number in range(rehash.SLICES)]


@pytest.mark.parametrize(
    ("size", "digest"),
    [
        pytest.param(rehash.LARGE + 1, hashlib.sha256(b"one").digest(), id="too large for a tick"),
        pytest.param(3, b"", id="never read"),
    ],
)
def test_what_only_a_full_look_reads_wakes_it(size: int, digest: bytes, tmp_path: Path) -> None:
    state = State(tmp_path, b"one")
    state.index([[(state.entries[0][0], size, digest)]])

    assert state.take() != b""


def test_a_growing_file_is_read_no_further_than_it_was(tmp_path: Path) -> None:
    """That it grew is what the stamp of its directory says."""
    state = State(tmp_path, b"one")
    state.file.write_bytes(b"one and more")

    assert state.take() == b""


def test_a_distribution_without_its_own_sha256(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """EL builds Python without it."""
    real = __import__

    def without(name: str, *rest: object) -> object:
        if name in ("_sha2", "_sha256"):
            raise ImportError(name)
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setitem(rehash.__dict__, "__builtins__", {**vars(__import__("builtins")), "__import__": without})

    assert state.take() == b""
