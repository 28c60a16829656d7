# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs with the real check ``files``: a change that no stat record shows is found by reading again."""

from __future__ import annotations

import json
import mmap
import os
import tempfile
import time
from pathlib import Path
from typing import Dict, Iterator, Tuple

import pytest
from support.disk import SETTLED, write
from support.runs import MACHINE
from vps_sentry import memory
from vps_sentry.accept import Request
from vps_sentry.checks import files
from vps_sentry.config import Config
from vps_sentry.host import Host
from vps_sentry.pipeline import run_once
from vps_sentry.report import Report
from vps_sentry.setup import Setup
from vps_sentry.store import Store
from vps_sentry.tick import rehash
from vps_sentry.tick.quiet import quiet
from vps_sentry.watch import index, rolling

MEMORY_FILE_SYSTEM = "/dev/shm"


class Live(Host):
    """This machine, under a name of its own."""

    def machine_id(self) -> str:
        return MACHINE


class Ticking:
    """The check ``files`` on a place of this machine, run as the timer runs it."""

    def __init__(self, place: Path, watched: Path, *, budget: str = "256MiB") -> None:
        self.watched = watched
        self.store = Store(str(place / "state"))
        self.store.prepare()
        self.views: Dict[str, mmap.mmap] = {}
        """Mappings of the watched files, kept open from before they were first read."""
        self.uptime = 1000
        self.options = files.Options(defaults=False, watch=(str(watched),), hash_budget=budget)

    def setup(self, *, full: bool = False) -> Setup:
        return Setup(
            host=Live(),
            store=self.store,
            config=Config(checks={"files": self.options}),
            checks={"files": files.CHECK},
            version="0",
            now=int(later()),
            uptime=self.uptime,
            full=full,
            scheduled=not full,
        )

    def run(self, *, full: bool = False) -> Report:
        self.uptime += rolling.TICK
        return run_once(self.setup(full=full)).report

    def accept(self) -> None:
        run_once(self.setup(), Request(by="anna"))
        self.run()

    def quiet(self) -> bool:
        self.uptime += rolling.TICK
        with pytest.MonkeyPatch.context() as patch:
            # This machine's own time since boot is another story.
            patch.setattr("vps_sentry.tick.quiet.monotonic", lambda: float(self.uptime))
            return quiet(str(self.store.path), bypass=False) is not None

    def index(self) -> index.Index:
        return index.load(self.store.read("files.index") or b"")

    def last(self) -> Dict[str, object]:
        cost: Dict[str, object] = json.loads(self.store.read("last.json") or b"")["cost"]
        return cost


def later() -> float:
    """The clock of these runs and ticks: so far ahead that fresh files count as settled."""
    return time.time() + SETTLED


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vps_sentry.tick.quiet.time", later)


@pytest.fixture(name="ticking")
def _ticking(tmp_path: Path) -> Iterator[Ticking]:
    """A thousand files on a file system in memory, where a write through a mapping moves no time stamp."""
    with tempfile.TemporaryDirectory(dir=MEMORY_FILE_SYSTEM) as place:
        ticking = Ticking(tmp_path, Path(place))
        paths = [Path(place) / f"f{number:03}" for number in range(1000)]
        ticking.views = {str(path): mapped(path) for path in paths}
        yield ticking


def mapped(path: Path) -> mmap.mmap:
    """A mapping of a file, its page dirty already: from then on a write moves no time stamp here."""
    write(path, b"w" + b"x" * 499)
    with path.open("r+b") as handle:
        view = mmap.mmap(handle.fileno(), 0)
    view[0:1] = b"x"
    return view


def change_unseen(ticking: Ticking, *, slice_: int) -> str:
    """Other content in a file of this slice, its stat record as it was: what a clock set back would leave as well."""
    path = os.fsdecode(ticking.index().slices[slice_][0][0])
    before = os.stat(path)
    ticking.views[path][0:1] = b"y"
    after = os.stat(path)
    assert (before.st_ctime_ns, before.st_mtime_ns, before[:7]) == (after.st_ctime_ns, after.st_mtime_ns, after[:7])
    return path


def alerts(report: Report) -> list[Tuple[str, str, str]]:
    return [(alert.code, alert.severity, alert.key) for alert in report.alerts]


def test_nothing_moved_stays_quiet_until_the_slices_are_used_up(ticking: Ticking) -> None:
    ticking.accept()

    assert [ticking.quiet() for _ in range(rehash.SLICES + 1)] == [True] * rehash.SLICES + [False]
    ticking.run()
    assert [ticking.quiet() for _ in range(rehash.SLICES)] == [True] * rehash.SLICES


def test_a_change_that_no_time_stamp_shows_is_found_and_said(ticking: Ticking) -> None:
    """A4: the tick whose slice holds the file leaves the quiet path, and the run says just that, critically."""
    ticking.accept()
    victim = change_unseen(ticking, slice_=3)

    assert [ticking.quiet() for _ in range(4)] == [True, True, True, False]
    report = ticking.run()

    assert ("file_changed_unseen", "critical", victim) in alerts(report)
    assert ("file_changed", "warning", victim) in alerts(report)
    (alert,) = (alert for alert in report.alerts if alert.code == "file_changed_unseen")
    assert alert.title == f"content of {victim} changed although its time stamps did not"
    ticking.run()
    assert ticking.quiet(), "told once; the index knows the new content"


def test_every_file_has_its_turn_within_a_day(ticking: Ticking) -> None:
    ticking.accept()
    seen = set()
    for _ in range(rolling.RUNS_A_DAY // rehash.SLICES + 2):
        seen |= {place for entries in ticking.index().slices for place, _, _ in entries}
        while ticking.quiet():
            pass
        ticking.run()

    assert len(seen) == 1000


def test_a_full_run_finds_it_at_once(ticking: Ticking) -> None:
    ticking.accept()
    victim = change_unseen(ticking, slice_=20)

    assert ("file_changed_unseen", "critical", victim) in alerts(ticking.run(full=True))


def test_a_stamp_file_that_says_quiet_does_not_stop_the_round(ticking: Ticking) -> None:
    """A1: where all stamps are ignored the slice of that very run is read as well."""
    ticking.accept()
    victim = change_unseen(ticking, slice_=0)

    report = ticking.run()

    assert ("file_changed_unseen", "critical", victim) in alerts(report)


def test_the_age_of_the_oldest_look_is_true(ticking: Ticking) -> None:
    """``last.json`` says in seconds of uptime how long ago the content was read that was read longest ago."""
    ticking.accept()
    begun = ticking.uptime - 2 * rolling.TICK
    assert ticking.last()["oldest_hash_age"] == ticking.uptime - begun - rolling.TICK

    for _ in range(10):
        assert ticking.quiet()
    write(ticking.watched / "new")
    ticking.run()

    oldest = min(index.unpack(record).read_at for record in ticking.index().records.values())
    assert ticking.last()["oldest_hash_age"] == ticking.index().clock - oldest == 12 * rolling.TICK


def test_suspension_and_reboot_are_no_uptime(ticking: Ticking) -> None:
    ticking.accept()
    before = ticking.index().clock
    ticking.uptime = 5
    write(ticking.watched / "new")
    ticking.run()

    assert ticking.index().clock == before + 5 + rolling.TICK


def test_more_than_26_hours_are_a_warning(ticking: Ticking) -> None:
    """A4: a host on which the ticks did not run for a day and two hours says so, and stops saying it."""
    ticking.accept()
    ticking.uptime += rolling.OVERDUE + 1
    write(ticking.watched / "new")

    assert ("rehash_overdue", "warning", "files") in alerts(ticking.run())
    assert ticking.last()["oldest_hash_age"] > rolling.OVERDUE  # type: ignore[operator]


@pytest.mark.parametrize("damage", [b"", b"x" * 4000, None])
def test_a_lost_index_begins_the_round_anew(damage: object, ticking: Ticking) -> None:
    """A power cut: everything is read again, so nothing old is believed."""
    ticking.accept()
    victim = change_unseen(ticking, slice_=20)
    path = ticking.store.path / "files.index"
    if isinstance(damage, bytes):
        path.write_bytes(damage)
    else:
        path.unlink()

    assert not ticking.quiet()
    assert ("file_changed", "warning", victim) in alerts(ticking.run())


def test_a_large_file_is_read_in_its_turn(tmp_path: Path) -> None:
    """Larger than 64 MiB: metadata at once, content when the rolling re-hash comes to it, within the hash budget."""
    large = write(tmp_path / "w" / "large")
    os.truncate(large, rehash.LARGE + 1)
    huge = write(tmp_path / "w" / "huge")
    os.truncate(huge, 2**43)
    ticking = Ticking(tmp_path, tmp_path / "w", budget="65MiB")
    ticking.accept()
    while ticking.quiet():
        pass
    report = ticking.run()

    items = report.observations["files"].items
    assert "sha256" in items[str(large)]
    assert items[str(huge)]["truncated"] is True
    assert alerts(report) == [("file_changed", "info", str(large))]
    assert ticking.quiet()


def test_a_moved_large_file_is_not_read_again_before_its_turn(tmp_path: Path) -> None:
    large = write(tmp_path / "w" / "large")
    os.truncate(large, rehash.LARGE + 1)
    ticking = Ticking(tmp_path, tmp_path / "w")
    ticking.run(full=True)
    os.utime(large)

    report = ticking.run()

    assert report.observations["files"].items[str(large)]["truncated"] is True
    assert memory.recall(ticking.store).checks["files"]["bytes_hashed"] == 0
    assert not any(ticking.index().slices)
