# SPDX-License-Identifier: GPL-3.0-or-later
"""The quiet look at the journal: what it may import, and that it never calls an unreadable journal quiet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import vps_sentry
from vps_sentry.tick.journal import Journal, take_from

NOT_NEEDED = (
    "json",
    "re",
    "dataclasses",
    "typing",
    "subprocess",
    "logging",
    "socket",
    "threading",
    "ipaddress",
    "ctypes",
    "os",
)


@pytest.mark.parametrize("kind", ["journal", "logfile", "sshd"])
def test_imports_next_to_nothing(kind: str) -> None:
    source = str(Path(vps_sentry.__file__).parent.parent)
    code = (
        "import sys; before = set(sys.modules)\n"
        f"sys.path.insert(0, {source!r}); import vps_sentry.tick.{kind}\n"
        f"print(sorted(set({NOT_NEEDED!r}) & (set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_a_cursor_that_is_none_is_not_quiet(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path))
    try:
        assert not journal.seek_after("not a cursor")
    finally:
        journal.close()


def test_an_error_of_libsystemd_names_the_function() -> None:
    with pytest.raises(OSError, match="sd_journal_open_directory"):
        Journal("/nonexistent")


def test_a_journal_that_cannot_be_read_is_not_quiet(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no journal"):
        take_from(str(tmp_path), "", "_UID=0")
