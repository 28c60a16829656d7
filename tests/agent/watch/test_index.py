# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory of hashes: what it keeps, and that anything it did not write itself is not used."""

from __future__ import annotations

import marshal
import os
from hashlib import blake2b
from pathlib import Path

import pytest
from support.disk import write
from vps_sentry.tick import tree
from vps_sentry.watch import index

NOW = 1_700_000_000
SECOND = 1_000_000_000
MAGIC = b"vps-sentry files 1\n"
SAMPLE: index.Records = {b"/w/\xff": (((1, 2, 3), 4, 5), "ab" * 32, {"acl": "00"})}


def sealed(payload: bytes, magic: bytes = MAGIC) -> bytes:
    return magic + blake2b(payload, digest_size=16).digest() + payload


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    found = os.lstat(write(tmp_path / "a"))
    records = {**SAMPLE, b"/a": (tree.signature(found), "cd" * 32, {})}

    assert index.load(index.dump(records)) == records


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="none yet"),
        pytest.param(MAGIC, id="cut after the first line"),
        pytest.param(index.dump(SAMPLE)[:-1], id="last byte missing"),
        pytest.param(index.dump(SAMPLE) + b"x", id="a byte too many"),
        pytest.param(index.dump(SAMPLE).replace(b"ab", b"ac", 1), id="a hash edited"),
        pytest.param(sealed(marshal.dumps(SAMPLE, 2), b"vps-sentry files 9\n"), id="another release"),
        pytest.param(sealed(marshal.dumps([1, 2], 2)), id="sealed, but no records"),
        pytest.param(sealed(b"\xff\xff"), id="sealed, but no marshal"),
        pytest.param(sealed(b""), id="sealed nothing"),
        pytest.param(os.urandom(4096), id="noise"),
    ],
)
def test_a_foreign_or_torn_index_is_not_used(data: bytes) -> None:
    assert index.load(data) == {}


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
