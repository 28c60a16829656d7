# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases that somebody else wrote: named, never taken for empty, and no way to anything else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.debian import md5
from support.packaged import TOOL, Packaged, with_tool


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Packaged:
    return with_tool(tmp_path)


HOSTILE = [
    pytest.param(b"\xff" * 200_000, id="no text"),
    pytest.param(b"Package: tool\n" * 100_000, id="one paragraph of 100,000 names"),
    pytest.param(b"Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n" * 2, id="one twice"),
]


@pytest.mark.parametrize("data", HOSTILE)
def test_a_hostile_database_is_a_failed_check_and_never_an_empty_one(data: bytes, world: Packaged) -> None:
    (world.debian.root / "var/lib/dpkg/status").write_bytes(data)
    seen = world.run().report.observations["packages"]

    assert "failed" == seen.status
    assert "/var/lib/dpkg/status" in (seen.error or "")


def test_a_database_of_fifty_megabytes_is_refused_by_size(world: Packaged) -> None:
    os.truncate(world.debian.root / "var/lib/dpkg/status", 50 * 1024 * 1024)
    seen = world.run().report.observations["packages"]

    assert ("failed", True) == (seen.status, "larger than" in (seen.error or ""))


def test_one_hostile_list_hides_no_other_package(world: Packaged) -> None:
    (world.debian.info / "bash.md5sums").unlink()
    os.mkfifo(world.debian.info / "bash.md5sums")
    world.debian.disk({TOOL: b"evil"})
    told = {entry[:3] for entry in world.standing()}

    assert ("package_lists_edited", "critical", "bash:amd64") in told
    assert ("package_file_differs", "critical", TOOL) in told


def test_a_list_cannot_make_the_agent_look_at_secrets(world: Packaged) -> None:
    """A digest in a list is a question; nobody gets an answer about /etc/shadow that way."""
    world.debian.disk({"/etc/shadow": b"root:secret"})
    lines = f"{md5(b'x')}  etc/shadow\n{md5(b'x')}  usr/../etc/shadow\n{md5(b'x')}  usr/lib/../../etc/shadow\n"
    (world.debian.info / "bash.md5sums").write_text(lines)
    items = world.run().report.observations["packages"].items

    assert [] == [key for key in items if "shadow" in key]
