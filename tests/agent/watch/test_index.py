# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory of hashes: what it keeps, and that anything it did not write itself is not used."""

from __future__ import annotations

import marshal
import os
from hashlib import blake2b
from pathlib import Path

import pytest
from support.disk import write
from vps_sentry.tick import rehash
from vps_sentry.watch import index

NOW = 1_700_000_000
SECOND = 1_000_000_000
SAMPLE = index.Index(
    records={b"/w/\xff": index.Record(b"mark", "61" * 32, {"acl": "00"}, 7, 6).pack()},
    clock=8,
    uptime=9,
    run=10,
    slices=tuple([(b"/w/%d" % number, number, b"\1" * 32)] for number in range(rehash.SLICES)),
)
NOTHING = index.Index({})


def sealed(payload: bytes) -> bytes:
    """An index whose slices are fine and whose records are ``payload`` behind a good seal."""
    whole = index.dump(NOTHING)
    body = marshal.dumps(({}, 0, 0, 0), 2)
    assert whole.endswith(body)
    return whole[: -len(body) - rehash.SEAL] + blake2b(payload, digest_size=rehash.SEAL).digest() + payload


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    found = os.lstat(write(tmp_path / "a"))
    kept = SAMPLE._replace(
        records={**SAMPLE.records, b"/a": index.Record(index.mark(found), "cd" * 32, {}, 1, None).pack()}
    )

    assert index.load(index.dump(kept)) == kept


def test_a_tick_reads_each_slice_alone(tmp_path: Path) -> None:
    place = write(tmp_path / "files.index", index.dump(SAMPLE))

    found = [rehash.load(os.fsencode(place), number) for number in range(rehash.SLICES)]

    assert tuple(found) == SAMPLE.slices


def test_the_seal_helper_makes_what_dump_makes() -> None:
    assert sealed(marshal.dumps(({}, 0, 0, 0), 2)) == index.dump(NOTHING)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="none yet"),
        pytest.param(rehash.MAGIC, id="cut after the first line"),
        pytest.param(index.dump(SAMPLE)[:200], id="cut in the table"),
        pytest.param(index.dump(SAMPLE)[:-1], id="last byte missing"),
        pytest.param(index.dump(SAMPLE) + b"x", id="a byte too many"),
        pytest.param(index.dump(SAMPLE).replace(b"aa", b"ab", 1), id="a hash edited"),
        pytest.param(index.dump(SAMPLE).replace(b"files 3", b"files 9", 1), id="another release"),
        pytest.param(index.dump(SAMPLE).replace(b"/w/3", b"/w/4", 1), id="a slice edited"),
        pytest.param(sealed(marshal.dumps([1, 2], 2)), id="sealed, but no records"),
        pytest.param(sealed(b"\xff\xff"), id="sealed, but no marshal"),
        pytest.param(sealed(b""), id="sealed nothing"),
        pytest.param(os.urandom(4096), id="noise"),
    ],
)
def test_a_foreign_or_torn_index_is_not_used(data: bytes) -> None:
    assert index.load(data) == NOTHING


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        pytest.param(3 * SECOND, True, id="older"),
        pytest.param(2 * SECOND, True, id="exactly two seconds"),
        pytest.param(2 * SECOND - 1, False, id="a nanosecond too fresh"),
        pytest.param(0, False, id="of this moment"),
        pytest.param(-3600 * SECOND, False, id="from the future: the clock was set back"),
    ],
)
def test_a_hash_is_kept_only_of_a_file_that_has_rested(age: int, expected: bool) -> None:
    assert index.settled(NOW * SECOND - age, NOW) is expected


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        pytest.param(-61 * SECOND, True, id="made while the clock was wrong"),
        pytest.param(-60 * SECOND, False, id="passes within a few ticks"),
        pytest.param(0, False, id="of this moment"),
    ],
)
def test_a_time_stamp_far_ahead_is_not_waited_for(age: int, expected: bool) -> None:
    assert index.ahead(NOW * SECOND - age, NOW) is expected
