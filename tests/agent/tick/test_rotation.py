# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of a rotated journal are looked at after a cursor: all that can matter, and few."""

from __future__ import annotations

from pathlib import Path
from typing import List

import pytest
from vps_sentry.tick.rotation import choose, files_after

ID, OTHER = "a" * 32, "b" * 32
MACHINE = "1307167e5d07df615e9ba34159076a6c"
CURSOR = f"s={ID};i=1f4;b=8a8d0e3f96024735a2ee1fbf5441cf64;m=7716166b;t=660dc66956d16;x=1ada"


def archive(first: int, *, sequence: str = ID, end: str = ".journal") -> str:
    return f"system@{sequence}-{first:016x}-000660dc66956d16{end}"


CASES = [
    pytest.param(["system.journal"], ["system.journal"], id="never rotated"),
    pytest.param([archive(1), archive(400), archive(600)], [archive(400), archive(600)], id="inside the second"),
    pytest.param([archive(500), archive(400)], [archive(500)], id="the cursor is the first entry of an archive"),
    pytest.param([archive(501), archive(500), archive(9)], [archive(500), archive(501)], id="the one after too"),
    pytest.param([archive(600), archive(700)], [archive(600), archive(700)], id="its own file was vacuumed away"),
    pytest.param([archive(1), archive(2), archive(3)], [archive(3)], id="still in the active file, or in the newest"),
    pytest.param([archive(1, sequence=OTHER)], [archive(1, sequence=OTHER)], id="numbered otherwise: cannot be told"),
    pytest.param(
        ["system@00061f2b3c4d5e6f-0011223344556677.journal~"],
        ["system@00061f2b3c4d5e6f-0011223344556677.journal~"],
        id="not closed properly: a power cut",
    ),
    pytest.param([archive(1, end=".journal~")], [archive(1, end=".journal~")], id="archived, then found damaged"),
    pytest.param(["user-1000.journal", f"user-1000@{ID}-1-2.journal", "fss"], [], id="users' own, and keys"),
]


@pytest.mark.parametrize(("names", "expected"), CASES)
def test_the_files_that_can_hold_what_followed(names: List[str], expected: List[str]) -> None:
    assert sorted(expected) == sorted(choose(names, ID, position=0x1F4))


def test_persistent_and_volatile_files_of_this_machine_alone(tmp_path: Path) -> None:
    """journald goes on in /run when /var is full or gone."""
    folders = tuple(str(tmp_path / name) for name in ("var", "run", "absent"))
    for place in (f"var/{MACHINE}", f"run/{MACHINE}", f"var/{OTHER}"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "system.journal").touch()

    found = files_after(CURSOR, MACHINE, folders=folders)
    assert [f"{folder}/{MACHINE}/system.journal" for folder in folders[:2]] == found


@pytest.mark.parametrize(
    ("cursor", "machine"),
    [
        pytest.param("", MACHINE, id="no cursor"),
        pytest.param("s=abc", MACHINE, id="no number in it"),
        pytest.param(CURSOR, "", id="no machine id: the folder above belongs to all machines"),
    ],
)
def test_where_nothing_can_be_told_all_files_count(cursor: str, machine: str) -> None:
    assert [] == files_after(cursor, machine)
