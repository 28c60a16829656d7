# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that are kept from one walk to the next: equal to a walk while nothing moves, and never in its way."""

from __future__ import annotations

import hashlib
import marshal
import os
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from support.disk import write
from vps_sentry.tick import listing, tree

LONG_AGO = 1_700_000_000


def watch(path: Path, *names: Any, depth: int = tree.MAX_DEPTH, limit: int = 1000) -> Any:
    base = os.fsencode(path) + b"/"
    return (base, base, names, depth, limit, ())


@pytest.fixture(name="place")
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory, and a tree that did not move for a while."""
    (tmp_path / "state/stamps").mkdir(parents=True)
    for name in ("top/w/a", "top/w/b/x", "top/w/b/c/y", "top/w/lib/__pycache__/m.pyc", "top/home/anna/.ssh/keys"):
        write(tmp_path / name)
    later(monkeypatch, 60)
    return tmp_path


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """The change times of a test's files cannot be set back, so its clock is set ahead."""
    now = time.time()
    monkeypatch.setattr(listing, "time", lambda: now + seconds)


def watches(place: Path) -> Any:
    top = place / "top"
    return (watch(top, b"w"), watch(top / "home", (b"",), b".ssh"), watch(top / "gone", b"file"))


def value(place: Path, *only: Any) -> bytes:
    """What a full run takes, which keeps the names of a walk."""
    found = listing.take(only or watches(place), os.fsencode(place / "state"))
    listing.keep(only or watches(place), os.fsencode(place / "state"))
    return found


def kept(place: Path) -> Path:
    return place / "state/stamps/listing"


def test_kept_names_give_what_a_walk_gives(place: Path) -> None:
    walked = value(place)
    assert kept(place).stat().st_mode & 0o777 == 0o600
    before = kept(place).stat().st_mtime_ns

    assert walked == value(place)
    kept(place).unlink()
    assert walked == value(place)
    assert before != kept(place).stat().st_mtime_ns


def test_no_folder_is_listed_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    value(place)
    listed: List[object] = []
    real = os.listdir

    def listing_of(where: Any) -> List[str]:
        listed.append(where)
        return real(where)

    monkeypatch.setattr("posix.listdir", listing_of)
    value(place)

    assert 1 == len(listed), "only the one that a pattern chooses from"


def linked(path: Path) -> None:
    path.rename(path.parents[1] / path.name)
    path.symlink_to(f"../{path.name}")


def touched_back(path: Path) -> None:
    path.write_text("other")
    os.utime(path, (LONG_AGO, LONG_AGO))


MOVES: Dict[str, Callable[[Path], Any]] = {
    "a file comes": lambda top: write(top / "w/b/new"),
    "a file comes where none was": lambda top: write(top / "gone/file"),
    "a file goes": lambda top: (top / "w/b/c/y").unlink(),
    "a file is renamed": lambda top: (top / "w/b/x").rename(top / "w/b/z"),
    "a file is replaced": lambda top: (write(top / "new"), (top / "new").rename(top / "w/a")),
    "a file is written in place": lambda top: (top / "w/b/c/y").write_text("other"),
    "a file is written and its time set back": lambda top: touched_back(top / "w/a"),
    "a mode": lambda top: (top / "w/b/x").chmod(0o4755),
    "a folder's mode": lambda top: (top / "w/b/c").chmod(0o777),
    "a folder becomes a link": lambda top: linked(top / "w/b"),
    "a folder is replaced by one with the same names": lambda top: (
        (top / "w/b/c").rename(top / "c"),
        write(top / "w/b/c/y"),
    ),
    "bytecode where anybody may write": lambda top: (top / "w/lib/__pycache__").chmod(0o777),
    "a name that a pattern matches": lambda top: write(top / "home/anna/.ssh/keys2"),
    "a folder that a pattern matches": lambda top: write(top / "home/bob/.ssh/keys"),
}


@pytest.mark.parametrize("act", MOVES.values(), ids=list(MOVES))
def test_whatever_moves_is_seen(place: Path, act: Callable[[Path], Any]) -> None:
    before = value(place)
    assert kept(place).exists()
    act(place / "top")
    after = value(place)

    assert before != after
    assert after == value(place)
    kept(place).unlink()
    assert after == value(place), "by a walk too"


def test_what_came_is_watched_from_then_on(place: Path) -> None:
    value(place)
    write(place / "top/w/b/new")
    before = value(place)
    assert before == value(place)
    (place / "top/w/b/new").write_text("other")

    assert before != value(place)


def test_bytecode_comes_and_goes_unnoticed(place: Path) -> None:
    before = value(place)
    write(place / "top/w/lib/__pycache__/other.pyc")

    assert before == value(place)


def test_a_tick_that_stays_quiet_writes_nothing(place: Path) -> None:
    listing.take(watches(place), os.fsencode(place / "state"))

    assert [] == list((place / "state/stamps").iterdir())


def test_what_moved_just_now_is_walked_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within one grain of the clock a name may come that its folder's time does not show."""
    later(monkeypatch, -60)
    value(place)
    assert not kept(place).exists()
    later(monkeypatch, 60)
    value(place)

    assert kept(place).exists()


def test_too_many_names_are_not_kept(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST", 3)
    before = value(place)

    assert not kept(place).exists()
    assert before == value(place)


@pytest.mark.parametrize("options", [{"limit": 2}, {"limit": 1000}], ids=["too many entries", "as many as there are"])
def test_what_a_walk_could_not_finish_is_not_kept(place: Path, options: Any) -> None:
    value(place, watch(place / "top", b"w", **options))

    assert kept(place).exists() == (options["limit"] == 1000)


def _torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _of_another_release(path: Path) -> None:
    body = marshal.dumps((b"key",), 2)
    path.write_bytes(hashlib.blake2b(body, digest_size=16).digest() + body)


def _anothers(path: Path) -> None:
    value(path.parents[2], watch(path.parents[2] / "top", b"home"))


@pytest.mark.parametrize("act", [_torn, _fifo, _anothers, _of_another_release, lambda path: path.write_bytes(b"")])
def test_what_is_kept_but_cannot_be_used_is_made_anew(place: Path, act: Callable[[Path], None]) -> None:
    before = value(place)
    act(kept(place))

    assert before == value(place)
    assert kept(place).is_file()
    assert before == value(place)


def test_where_nothing_can_be_kept_each_tick_walks(place: Path) -> None:
    before = value(place)
    kept(place).unlink()
    kept(place).parent.rmdir()

    assert before == value(place) == value(place)
