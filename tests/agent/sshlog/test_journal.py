# SPDX-License-Identifier: GPL-3.0-or-later
"""A real journal file read through libsystemd: whose entries count, and what is said when some are gone."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from vps_sentry.errors import CollectError
from vps_sentry.sshlog import journal
from vps_sentry.sshlog.journal import JournalSource
from vps_sentry.sshlog.source import DROPPED, Record
from vps_sentry.tick.journal import Journal, readable, take_from

CASES = Path(__file__).parents[2] / "cases" / "ssh_auth"
MACHINE = "ba3924d4ca993c2a9e16ff796fde9867"
FIRST = 1_795_349_387
LAST = 1_795_349_546
NOW = LAST + 60
GONE = "s=0f448a75f0c54bcb91aa402b2d4f6d0e;i=1af;b=8a8d0e3f96024735a2ee1fbf5441cf64;m=7716166b;t=660dc66956d16;x=1ada"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("journal")
    (place / "sshd.journal").write_bytes(gzip.decompress((CASES / "sshd.journal.gz").read_bytes()))
    return str(place)


def read(
    directory: str, position: Dict[str, Any], *, since: int = 0, machine_id: str = MACHINE
) -> Tuple[List[Record], JournalSource]:
    source = JournalSource(position, NOW, since=since, machine_id=machine_id, directory=directory)
    return list(source), source


def test_every_entry_of_sshd_and_none_that_is_forged(directory: str) -> None:
    records, source = read(directory, {})
    addresses = [record for record in records if b" from 9.9.9." in record.message]
    assert (len(records), addresses) == (121, [])
    assert (source.missing, source.gaps, source.more) == (None, {}, False)
    assert {record.trusted for record in records} == {True}


def test_the_newest_entries_as_they_were_written(directory: str) -> None:
    records, _ = read(directory, {})
    assert records[-2:] == [
        Record(LAST - 1, DROPPED, 20, b"Suppressed 3912 messages from ssh.service", True),
        Record(
            LAST,
            "sshd",
            700,
            b"Accepted publickey for root from 203.0.113.9 port 50022 ssh2: ED25519"
            b" SHA256:UlvTNRrIo+vb+/SOX9LzVmM2x3ru82zEBU6vPocBPMU",
            True,
        ),
    ]


def test_nothing_twice(directory: str) -> None:
    _, first = read(directory, {})
    records, second = read(directory, first.position)
    assert (records, second.position["cursor"]) == ([], first.position["cursor"])


def test_another_machines_entries_do_not_count(directory: str) -> None:
    records, _ = read(directory, {}, machine_id="0" * 32)
    assert records == []


def test_since(directory: str) -> None:
    records, _ = read(directory, {}, since=LAST)
    assert [record.time for record in records] == [LAST]


def test_nothing_since_stands_on_the_newest_older_entry(directory: str) -> None:
    records, source = read(directory, {}, since=LAST + 1)
    _, whole = read(directory, {})
    assert (records, source.position["cursor"]) == ([], whole.position["cursor"])


def test_a_pass_has_an_end_and_the_next_goes_on(directory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    everything, _ = read(directory, {})
    monkeypatch.setattr(journal, "ENTRIES", 50)
    position: Dict[str, Any] = {}
    found: List[Record] = []
    passes = []
    for _ in range(3):
        records, source = read(directory, position)
        position = source.position
        found += records
        passes.append((len(records), source.more))
    assert passes == [(50, True), (50, True), (21, False)]
    assert found == everything


LOST = (
    ("the journal begins after the last look", {"cursor": GONE, "last": 0, "checked": FIRST - 1}, 121, True),
    (
        "the cursor's file went, but nothing younger than the last look",
        {"cursor": GONE, "last": 0, "checked": NOW},
        121,
        False,
    ),
    ("what was read stays read", {"cursor": GONE, "last": LAST * 10**6, "checked": NOW}, 1, False),
    ("a cursor that is none", {"cursor": "x=y", "last": 0, "checked": FIRST - 1}, 121, True),
)


@pytest.mark.parametrize(("position", "count", "missing"), [case[1:] for case in LOST], ids=[case[0] for case in LOST])
def test_a_lost_cursor(directory: str, position: Dict[str, Any], count: int, missing: bool) -> None:
    records, source = read(directory, position)
    assert (len(records), source.missing is not None) == (count, missing)


def test_an_empty_directory_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(CollectError, match="holds no entry"):
        read(str(tmp_path), {})


def test_a_directory_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(CollectError, match="cannot open the journal"):
        read(str(tmp_path / "missing"), {})


def test_a_file_that_is_no_journal(tmp_path: Path) -> None:
    (tmp_path / "system.journal").write_bytes(b"LPKSHHRH" + b"\xff" * 4096)
    with pytest.raises(CollectError):
        read(str(tmp_path), {})


def test_a_cut_journal_is_read_as_far_as_it_goes(directory: str, tmp_path: Path) -> None:
    whole = (Path(directory) / "sshd.journal").read_bytes()
    (tmp_path / "sshd.journal").write_bytes(whole[: len(whole) // 2])
    try:
        records, _ = read(str(tmp_path), {})
    except CollectError:
        return
    assert len(records) <= 121


def test_the_stamp_is_quiet_at_the_end_of_what_was_read(directory: str) -> None:
    _, source = read(directory, {})
    assert take_from(directory, source.position["cursor"], *journal.matches(MACHINE)) == b""


@pytest.mark.parametrize("cursor", ["", GONE, "x=y"], ids=["never read", "gone", "none"])
def test_the_stamp_is_never_the_same_twice_otherwise(directory: str, cursor: str) -> None:
    stamps = {take_from(directory, cursor, *journal.matches(MACHINE)) for _ in range(3)}
    assert len(stamps - {b""}) == 3


def test_the_stamp_after_half_a_pass_is_not_quiet(directory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "ENTRIES", 50)
    _, source = read(directory, {})
    assert take_from(directory, source.position["cursor"], *journal.matches(MACHINE)) != b""


def test_files_by_name_hold_what_their_directory_holds(directory: str) -> None:
    opened = Journal(files=[f"{directory}/sshd.journal"])
    try:
        assert readable(opened)
    finally:
        opened.close()
    with pytest.raises(OSError, match="sd_journal_open_files"):
        Journal(files=[f"{directory}/vacuumed.journal"])
