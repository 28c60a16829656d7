# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions that began while part of sshd's log was missing: the gap is told, with whoever came in meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import List, Tuple

import pytest
from support.sshhost import HIDDEN, LOG, NOW, Journal, look, prepare, said, session
from vps_sentry.sshlog.options import Options
from vps_sentry.sshlog.source import DROPPED, Record


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    return prepare(tmp_path)


def test_a_lost_log_is_told_with_whoever_came_in_meanwhile(root: Path) -> None:
    """RULES A11: the gap itself is critical, and the session is not told a second time."""
    first = look(root, {}, now=NOW - 600)
    session(root)
    (root / LOG).write_text("")
    found = look(root, first.memory or {})
    (signal,) = found.signals
    assert (signal.severity, signal.code) == ("critical", "ssh_log_truncated")
    assert signal.detail.endswith("logged in without a line: alice from 203.0.113.7")
    assert len(look(root, found.memory or {}, now=NOW + 300).signals) == 1


def test_another_source_with_a_session_that_is_in_neither(root: Path) -> None:
    options = Options(sources=("/var/log/auth.log", "/var/log/secure"))
    first = look(root, {}, now=NOW - 600, options=options)
    (root / LOG).rename(root / "var/log/secure")
    session(root)
    (signal,) = look(root, first.memory or {}, options=options).signals
    assert (signal.severity, signal.code) == ("critical", "ssh_log_gap")
    assert "alice from 203.0.113.7" in signal.detail


SUPPRESSED = b"Suppressed 3912 messages from %s"
DROPS = (
    pytest.param(b"ssh.service", 10, [("critical", "ssh_log_gap")], id="a session among dropped messages"),
    pytest.param(b"sshd@3-x.service", 10, [("critical", "ssh_log_gap")], id="of an instance"),
    pytest.param(b"ssh.service", -10, [HIDDEN, ("warning", "ssh_log_gap")], id="one that began afterwards"),
    pytest.param(b"nginx.service", 10, [HIDDEN], id="messages of somebody else"),
)


@pytest.mark.parametrize(("unit", "after", "expected"), DROPS)
def test_a_flood_to_come_in_under(
    root: Path, monkeypatch: pytest.MonkeyPatch, unit: bytes, after: int, expected: List[Tuple[str, str]]
) -> None:
    """RULES A11: sshd is flooded until journald drops its messages, and somebody logs in meanwhile."""
    session(root)
    begin = NOW - 60
    records = (
        Record(begin - 30, "sshd", 7, b"Invalid user x from 198.51.100.1 port 9", True),
        # Another priority, or a process that ended before journald looked: not dropped, though in the midst of it.
        Record(begin + min(after, 5), "sshd", 8, b"banner exchange: Connection from 127.0.0.1 port 4: invalid", True),
        Record(begin + after, DROPPED, 1, SUPPRESSED % unit, True),
    )
    monkeypatch.setattr("vps_sentry.checks.ssh_auth.choose", lambda *_, **__: Journal(*records))
    assert said(look(root, {}, options=Options(sources="journal"))) == expected
