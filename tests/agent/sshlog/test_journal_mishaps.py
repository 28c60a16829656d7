# SPDX-License-Identifier: GPL-3.0-or-later
"""Real journal files, damaged, removed or written by a clock that was set: what can be read is, the rest is said."""

from __future__ import annotations

import gzip
import random
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from vps_sentry.sshlog import journal
from vps_sentry.sshlog.journal import JournalSource
from vps_sentry.sshlog.source import Record
from vps_sentry.tick.journal import take_from

CASES = Path(__file__).parents[2] / "cases" / "ssh_auth"
MACHINE = "ba3924d4ca993c2a9e16ff796fde9867"
OLDER, NEWER = "sshd.journal", "burst.journal"
NOW = 1_795_349_900
RUN = NOW - 350
"""Between the newest entry of the older file and the oldest of the newer one."""


@pytest.fixture(name="directory")
def _directory(tmp_path: Path) -> Path:
    for name in (OLDER, NEWER):
        (tmp_path / name).write_bytes(gzip.decompress((CASES / f"{name}.gz").read_bytes()))
    return tmp_path


def read(directory: Path, position: Dict[str, Any], now: int = NOW) -> Tuple[List[Record], JournalSource]:
    source = JournalSource(position, now, since=0, machine_id=MACHINE, directory=str(directory))
    return list(source), source


def damage(path: Path, *, share: float) -> None:
    """Random bytes over a stretch that begins at a share of the entries."""
    data = path.read_bytes()
    first, last = data.find(b"MESSAGE="), data.rfind(b"MESSAGE=")
    with path.open("r+b") as handle:
        handle.seek(int(first + (last - first) * share) & ~7)
        handle.write(random.Random(1).randbytes(16_384))


def test_two_whole_files(directory: Path) -> None:
    records, source = read(directory, {})
    assert (len(records), source.missing, source.gaps, source.position["unread"]) == (421, None, {}, 0)


def test_a_file_damaged_within_is_said_once(directory: Path) -> None:
    damage(directory / NEWER, share=0.5)
    records, source = read(directory, {})
    assert 121 <= len(records) < 421
    assert (source.missing, set(source.gaps)) == (None, {"damaged"})
    again, second = read(directory, source.position)
    assert (again, second.gaps) == ([], {})


def test_after_damage_the_next_look_goes_on(directory: Path) -> None:
    whole = (directory / NEWER).read_bytes()
    damage(directory / NEWER, share=0.5)
    records, source = read(directory, {})
    # journald puts a damaged file aside and goes on in a new one.
    (directory / NEWER).write_bytes(whole)
    rest, _ = read(directory, source.position)
    assert [record.message for record in records + rest][-1:] == [read(directory, {})[0][-1].message]
    assert len(records) + len(rest) >= 300


def test_a_file_without_a_sound_head_is_said(directory: Path) -> None:
    with (directory / OLDER).open("r+b") as handle:
        handle.write(b"\0" * 64)
    records, source = read(directory, {})
    assert (len(records), set(source.gaps)) == (300, {"damaged"})


def test_the_only_file_damaged_is_no_crash_and_no_silence(directory: Path) -> None:
    (directory / OLDER).unlink()
    damage(directory / NEWER, share=0.5)
    records, source = read(directory, {})
    assert (0 < len(records) < 300, set(source.gaps), source.position["last"] > 0) == (True, {"damaged"}, True)


def test_a_newer_file_removed_by_hand_is_said(directory: Path) -> None:
    _, source = read(directory, {})
    (directory / NEWER).unlink()
    records, second = read(directory, source.position)
    # The same as a clock that was set back: rather twice than not at all.
    assert (len(records), second.missing, set(second.gaps)) == (121, None, {"cursor", "clock"})


def test_an_older_file_that_went_is_the_order_of_things(directory: Path) -> None:
    newer = (directory / NEWER).read_bytes()
    (directory / NEWER).unlink()
    _, source = read(directory, {}, now=NOW)
    (directory / OLDER).unlink()
    (directory / NEWER).write_bytes(newer)
    records, second = read(directory, source.position)
    assert (len(records), second.missing, second.gaps) == (300, None, {})


def test_what_went_with_a_full_journal_is_critical(directory: Path) -> None:
    newer = (directory / NEWER).read_bytes()
    (directory / NEWER).unlink()
    _, source = read(directory, {}, now=RUN)
    (directory / OLDER).unlink()
    (directory / NEWER).write_bytes(newer)
    records, second = read(directory, source.position)
    assert (len(records), second.missing) == (300, "the journal no longer reaches back to the last look")


def test_a_clock_set_back_while_the_cursor_was_lost_hides_nothing(directory: Path) -> None:
    position = {"cursor": "s=0;i=1;b=0;m=0;t=0;x=0", "last": (NOW + 999_999) * 10**6, "checked": NOW + 999_999}
    records, source = read(directory, position)
    assert (len(records), set(source.gaps)) == (421, {"cursor", "clock"})


def test_what_follows_the_last_look_counts_no_earlier(directory: Path) -> None:
    newer = (directory / NEWER).read_bytes()
    (directory / NEWER).unlink()
    _, source = read(directory, {})
    (directory / NEWER).write_bytes(newer)
    later = NOW + 30 * 86_400
    source.position["checked"] = later - 300
    records, second = read(directory, source.position, now=later)
    assert ({record.time for record in records}, set(second.gaps)) == ({later - 300}, {"clock"})


def test_entries_of_the_future_count_now(directory: Path) -> None:
    records, source = read(directory, {}, now=NOW - 10 * 86_400)
    assert ({record.time for record in records}, set(source.gaps)) == ({NOW - 10 * 86_400}, {"clock"})


def test_passes_over_two_files(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = read(directory, {})
    monkeypatch.setattr(journal, "ENTRIES", 100)
    found: List[Record] = []
    position: Dict[str, Any] = {}
    for _ in range(5):
        records, source = read(directory, position)
        found, position = found + records, source.position
    assert (found, source.more) == (whole, False)
    assert take_from(str(directory), position["cursor"], *journal.matches(MACHINE)) == b""
