# SPDX-License-Identifier: GPL-3.0-or-later
"""What a full look does where time stamps prove nothing, and where its own time is over."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import List, Tuple

import pytest
from support.disk import write
from vps_sentry.host import Host
from vps_sentry.watch import index
from vps_sentry.watch.entries import Watch, lay_out, target
from vps_sentry.watch.survey import Survey, Terms

FORGED = "0" * 64
TRUE = hashlib.sha256(b"one").hexdigest()
TERMS = Terms(now=10, budget=1000, full=False)
"""``now`` in seconds from the present moment: fresh files count as settled."""


def look(root: Path, known: index.Index, terms: Terms) -> Tuple[Survey, index.Index]:
    """One look at ``/w`` below ``root``."""
    survey = Survey(known, terms._replace(now=int(time.time()) + terms.now), accepted={})
    for number, watch in enumerate(lay_out([target(Watch("/w"))], Host(str(root)), excluded=()).watches):
        survey.look(watch, number)
    found, _ = survey.finish(lambda: 0.5)
    return survey, found


def remembered(root: Path, *names: str) -> index.Index:
    """An index that remembers another hash of each file, so that what is read again shows it."""
    for name in names:
        write(root / "w" / name)
    _, found = look(root, index.Index({}), TERMS)
    forged = {path: index.unpack(found.records[path])._replace(sha256=FORGED).pack() for path in found.records}
    return index.Index(forged)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        pytest.param(TERMS, FORGED, id="a disk is believed"),
        pytest.param(TERMS._replace(weak=lambda place: place == b"/w/"), TRUE, id="network and FUSE never"),
        pytest.param(TERMS._replace(weak=lambda place: place == b"/v/"), FORGED, id="only where they are mounted"),
        pytest.param(TERMS._replace(now=-3600), TRUE, id="nor a time stamp far ahead of the clock"),
        pytest.param(TERMS._replace(weak=lambda place: True, budget=2), FORGED, id="beyond the budget what was known"),
        pytest.param(TERMS._replace(full=True), TRUE, id="a full run believes nothing"),
    ],
)
def test_which_time_stamps_are_believed(terms: Terms, expected: str, tmp_path: Path) -> None:
    """A4: whose hash is not a reason not to read; none of them keeps the ticks awake."""
    known = remembered(tmp_path, "a")
    survey, _ = look(tmp_path, known, terms)

    assert survey.items["/w/a"]["sha256"] == expected
    assert survey.unsettled == 0
    assert "truncated" not in survey.items["/w/a"]
    assert survey.unseen == ([] if expected == FORGED else ["/w/a"])


def test_a_racily_clean_file_is_not_remembered(tmp_path: Path) -> None:
    """A2: its time stamp is less than two seconds older than the look, so a write after it could look unmoved."""
    write(tmp_path / "w" / "a")
    survey, found = look(tmp_path, index.Index({}), TERMS._replace(now=0))

    assert (survey.unsettled, found.records) == (1, {})


def test_the_wall_clock_ends_a_look_and_the_items_say_so(tmp_path: Path) -> None:
    """A slow disk: 45 seconds, then what was not seen is blind, not gone."""
    for name in ("a", "d/b", "d/e/c"):
        write(tmp_path / "w" / name)
    batches: List[int] = []

    def expired() -> bool:
        batches.append(1)
        return len(batches) > 2

    survey, _ = look(tmp_path, index.Index({}), TERMS._replace(expired=expired, budget=0))

    assert survey.blind == ["/w/"]
    assert survey.items == {
        "/w": {**survey.items["/w"], "truncated": True},
        "/w/a": {**survey.items["/w/a"], "truncated": True},
        "/w/d": survey.items["/w/d"],
    }
    assert "sha256" not in survey.items["/w/a"]


def test_no_time_left_to_read_is_no_reason_to_forget(tmp_path: Path) -> None:
    known = remembered(tmp_path, "a", "b")
    write(tmp_path / "w" / "a", b"changed")
    calls = iter([False, False])
    survey, found = look(tmp_path, known, TERMS._replace(expired=lambda: next(calls, True)))

    assert survey.items["/w/b"]["sha256"] == FORGED
    assert survey.items["/w/a"]["truncated"] is True
    assert survey.unsettled == 1
    assert set(found.records) == {b"/w/b"}


def test_a_file_that_is_gone_from_the_watch_leaves_the_index(tmp_path: Path) -> None:
    known = remembered(tmp_path, "a", "b")
    os.unlink(tmp_path / "w" / "a")
    _, found = look(tmp_path, known, TERMS)

    assert set(found.records) == {b"/w/b"}
