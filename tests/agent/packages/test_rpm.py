# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers of rpm: what they say, and bytes that claim more than there is."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from support import redhat
from vps_sentry.errors import CollectError
from vps_sentry.host import Host
from vps_sentry.packages import rpm

GOOD = redhat.package("bash", "5.1.8", {"/usr/bin/bash": "ab" * 32, "/usr/share/bash": ""}, release="9.el9")


def test_a_header() -> None:
    found = rpm.Header(GOOD)
    bash, folder = found.files()

    assert ("bash", "5.1.8-9.el9", "x86_64", "sha256") == (found.name, found.version, found.arch, found.algorithm)
    assert (b"/usr/bin/bash", "ab" * 32, 0o100755, "root") == (bash.path, bash.digest, bash.mode, bash.user)
    assert (b"/usr/share/bash", "") == (folder.path, folder.digest)


def test_an_epoch() -> None:
    blob = redhat.header([(1000, 6, b"x"), (1001, 6, b"1"), (1002, 6, b"2"), (1003, 4, [3])])

    assert "3:1-2" == rpm.Header(blob).version


HOSTILE = [
    pytest.param(b"", id="nothing"),
    pytest.param(GOOD[:200], id="cut off"),
    pytest.param(struct.pack(">II", 2**31, 2**31) + GOOD[8:], id="more entries than bytes"),
    pytest.param(redhat.header([(1117, 8, [b"a"]), (1118, 8, [b"/"]), (1116, 4, [7])]), id="a folder not listed"),
    pytest.param(redhat.header([(1117, 8, [b"a", b"b"]), (1118, 8, [b"/"])]), id="columns of other lengths"),
    pytest.param(struct.pack(">IIIIiI", 1, 1, 1117, 8, 9999, 1) + b"x", id="points outside"),
    pytest.param(struct.pack(">IIIIiI", 1, 1, 1117, 8, -5, 1) + b"x", id="points before"),
    pytest.param(struct.pack(">IIIIiI", 1, 1, 1117, 8, 0, 2**31) + b"x", id="a column of two thousand million"),
    pytest.param(struct.pack(">IIIIiI", 1, 1, 1117, 8, 0, 1) + b"x", id="a string without an end"),
    pytest.param(struct.pack(">IIIIiI", 1, 1, 1117, 99, 0, 1) + b"x", id="a type nobody knows"),
]


@pytest.mark.parametrize("blob", HOSTILE)
def test_a_hostile_header_is_refused(blob: bytes) -> None:
    with pytest.raises(ValueError, match=r"header|tag|folder"):
        list(rpm.Header(blob).files())


def test_a_database_that_is_none_says_so(tmp_path: Path) -> None:
    place = redhat.database(tmp_path, [GOOD])
    place.write_bytes(b"SQLite format 3\0" + b"\xff" * 2000)

    with pytest.raises(CollectError, match="rpm's database cannot be read"):
        list(rpm.headers(Host(str(tmp_path))))


def test_a_link_in_place_of_the_database_is_not_opened(tmp_path: Path) -> None:
    place = redhat.database(tmp_path / "elsewhere", [GOOD])
    (tmp_path / "var/lib/rpm").mkdir(parents=True)
    (tmp_path / "var/lib/rpm/rpmdb.sqlite").symlink_to(place)

    assert not rpm.present(Host(str(tmp_path)))
