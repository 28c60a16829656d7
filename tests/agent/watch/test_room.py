# SPDX-License-Identifier: GPL-3.0-or-later
"""A look holds so many entries and no more, says so, and no watch is pushed out of sight by another."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest
from support.disk import Disk, write
from vps_sentry.checks.files import Options
from vps_sentry.core.model import Observation
from vps_sentry.watch import room

MANY = 300


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "ENTRIES", MANY)


def look(root: Path, *watches: str) -> Observation:
    return Disk(root, Options(defaults=False, watch=watches)).look()


def crowd(place: Path, number: int, *, name: str = "f") -> None:
    for count in range(number):
        write(place / f"{name}{count:04}", b"")


def cut(seen: Observation) -> List[str]:
    return [key for key, value in seen.items.items() if value.get("truncated")]


def test_as_many_as_there_may_be_are_all_seen(tmp_path: Path) -> None:
    crowd(tmp_path / "w", MANY - 1)
    seen = look(tmp_path, "/w")

    assert MANY == len(seen.items)
    assert [] == cut(seen)


def test_one_more_is_said_and_nothing_there_is_taken_for_gone(tmp_path: Path) -> None:
    crowd(tmp_path / "w", MANY)
    seen = look(tmp_path, "/w")

    assert ["/w"] == cut(seen)
    assert "/w/" in seen.blind
    assert MANY >= len(seen.items)


def test_several_watches_together_are_bounded_and_each_is_looked_at(tmp_path: Path) -> None:
    """Whoever may write below one cannot take another out of sight."""
    crowd(tmp_path / "a", MANY * 2)
    crowd(tmp_path / "b", 50)
    seen = look(tmp_path, "/a", "/b")

    assert ["/a"] == cut(seen)
    assert 51 == sum(key == "/b" or key.startswith("/b/") for key in seen.items)
    assert MANY >= len(seen.items)


def test_what_matters_on_every_host_comes_first_whoever_names_it(tmp_path: Path) -> None:
    crowd(tmp_path / "srv/www", MANY * 2)
    crowd(tmp_path / "etc", 200)
    seen = look(tmp_path, "/srv/www", "/etc")

    assert ["/srv/www"] == cut(seen)
    assert 201 == sum(key.startswith("/etc") for key in seen.items)


def test_long_names_count_as_several_entries(tmp_path: Path) -> None:
    """Memory is what runs out, and a name may have 255 bytes, a path 4,096."""
    deep = tmp_path.joinpath("w", *["d" * 250] * 6)
    for number in range(5):
        crowd(deep / str(number), 20, name="n" * 200)
    seen = look(tmp_path, "/w")

    assert ["/w"] == cut(seen)
    assert MANY > len(seen.items)


def test_an_accepted_value_is_held_once_and_never_written_into(tmp_path: Path) -> None:
    """Were the mark of a limit written into the accepted value, the change would never show."""
    disk = Disk(tmp_path, Options(defaults=False, watch=("/w",)))
    crowd(tmp_path / "w", MANY - 1)
    accepted = dict(disk.look().items)
    before = {key: dict(value) for key, value in accepted.items()}
    crowd(tmp_path / "w", MANY + 5)
    seen = disk.look(accepted=accepted)

    assert accepted == before
    assert seen.items["/w"] != accepted["/w"]
    assert seen.items["/w/f0001"] is accepted["/w/f0001"]
