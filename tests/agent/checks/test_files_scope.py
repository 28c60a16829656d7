# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching less or more is told as that, and not item by item as files that vanish or appear."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.disk import Disk, write
from vps_sentry.checks.files import Options

BOTH = Options(defaults=False, watch=("/w", "/v"))


@pytest.fixture(name="disk")
def _disk(tmp_path: Path) -> Disk:
    for name in ("w/a", "w/b", "v/c"):
        write(tmp_path / name)
    return Disk(tmp_path, replace(BOTH, watch=("/w",)))


def test_a_watch_that_was_dropped_or_left_out_makes_nothing_vanish(disk: Disk) -> None:
    disk.options = BOTH
    first = disk.look()
    disk.options = replace(BOTH, watch=("/w",), exclude=("/w/b",))
    (disk.root / "w" / "a").unlink()
    later = disk.look(first, accepted=first.items)

    assert {"/v", "/v/c", "/w/b"} == later.unwatched
    # What is still watched and gone is gone.
    assert "/w/a" not in later.items


def test_more_watches_bring_news_of_their_own_until_they_are_accepted(disk: Disk) -> None:
    first = disk.look()
    accepted = dict(first.items)
    disk.options = BOTH
    write(disk.root / "w" / "new")
    second = disk.look(first, accepted=accepted)
    third = disk.look(second, accepted=accepted)

    assert {"/v", "/v/c"} == second.begun == third.begun
    settled = disk.look(third, accepted={**accepted, "/v": third.items["/v"], "/v/c": third.items["/v/c"]})
    assert frozenset() == settled.begun
    write(disk.root / "v" / "planted")
    assert frozenset() == disk.look(settled, accepted=dict(settled.items)).begun


def test_without_a_baseline_nothing_has_begun(disk: Disk) -> None:
    first = disk.look()
    disk.options = BOTH

    assert frozenset() == disk.look(first).begun
