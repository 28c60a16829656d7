# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose line is it, when was it written, and who vouches for it."""

from __future__ import annotations

import calendar
import json
import time
from typing import Any, Dict, Iterator, Optional, Tuple

import pytest
from vps_sentry.sshlog.lines import Line, split
from vps_sentry.sshlog.times import to_epoch

MESSAGE = b"Failed password for root from 203.0.113.7 port 9 ssh2"
JOURNAL: Dict[str, Any] = {
    "__REALTIME_TIMESTAMP": "1795349387435657",
    "SYSLOG_IDENTIFIER": "sshd-session",
    "_PID": "92",
    "_UID": "0",
    "_TRANSPORT": "syslog",
    "MESSAGE": MESSAGE.decode(),
}
WHEN = "2026-11-22T12:09:47.435657Z"

TEXT = (
    ("RFC 3164", b"Nov 22 12:13:10 vps sshd[614]: ", Line("Nov 22 12:13:10", "sshd", 614, MESSAGE, False)),
    ("one-digit day", b"Nov  2 12:13:10 vps sshd[614]: ", Line("Nov  2 12:13:10", "sshd", 614, MESSAGE, False)),
    (
        "rsyslog's ISO with microseconds",
        b"2026-11-22T12:13:10.123456+01:00 vps sshd-session[7]: ",
        Line("2026-11-22T12:13:10.123456+01:00", "sshd-session", 7, MESSAGE, False),
    ),
    ("UTC", b"2026-11-22T12:13:10Z vps sshd[7]: ", Line("2026-11-22T12:13:10Z", "sshd", 7, MESSAGE, False)),
    (
        "journalctl -o short-iso",
        b"2026-11-22T12:13:10+0000 vps sshd[7]: ",
        Line("2026-11-22T12:13:10+00:00", "sshd", 7, MESSAGE, False),
    ),
    ("no process", b"Nov 22 12:13:10 vps sshd: ", Line("Nov 22 12:13:10", "sshd", None, MESSAGE, False)),
    ("priority", b"<38>Nov 22 12:13:10 vps sshd-auth[1]: ", Line("Nov 22 12:13:10", "sshd-auth", 1, MESSAGE, False)),
    ("another program", b"Nov 22 12:13:10 vps cron[614]: ", None),
    ("a program named alike", b"Nov 22 12:13:10 vps sshd-evil[614]: ", None),
    ("a path is no name", b"Nov 22 12:13:10 vps /usr/sbin/sshd[614]: ", None),
    ("sshd quoted by another program", b"Nov 22 12:13:10 vps app[1]: Nov 22 12:13:10 vps sshd[614]: ", None),
    ("a host name with a space", b"Nov 22 12:13:10 a b sshd[614]: ", None),
    ("no time", b"vps sshd[614]: ", None),
)


@pytest.mark.parametrize(("head", "expected"), [case[1:] for case in TEXT], ids=[case[0] for case in TEXT])
def test_text(head: bytes, expected: Optional[Line]) -> None:
    assert split(head + MESSAGE) == expected


RECORDS: Tuple[Tuple[str, Dict[str, Any], Optional[Line]], ...] = (
    ("root through syslog", {}, Line(WHEN, "sshd-session", 92, MESSAGE, True)),
    ("no unit, no command name: nothing is missing", {"_COMM": None}, Line(WHEN, "sshd-session", 92, MESSAGE, True)),
    ("an ordinary user's logger", {"_UID": "1000"}, Line(WHEN, "sshd-session", 92, MESSAGE, False)),
    ("no sender known", {"_UID": None}, Line(WHEN, "sshd-session", 92, MESSAGE, False)),
    ("a number is not what journalctl prints", {"_UID": 0}, Line(WHEN, "sshd-session", 92, MESSAGE, False)),
    ("the native protocol", {"_TRANSPORT": "journal"}, Line(WHEN, "sshd-session", 92, MESSAGE, False)),
    ("a container's log driver", {"CONTAINER_NAME": "web"}, Line(WHEN, "sshd-session", 92, MESSAGE, False)),
    ("any word about a container", {"CONTAINER_TAG": "sshd"}, Line(WHEN, "sshd-session", 92, MESSAGE, False)),
    ("not text: an array of bytes", {"MESSAGE": list(MESSAGE)}, Line(WHEN, "sshd-session", 92, MESSAGE, True)),
    ("too long for journalctl", {"MESSAGE": None}, Line(WHEN, "sshd-session", 92, None, True)),
    ("two messages in one record", {"MESSAGE": ["a", "b"]}, Line(WHEN, "sshd-session", 92, None, True)),
    ("an array that is not of bytes", {"MESSAGE": [70, 256]}, Line(WHEN, "sshd-session", 92, None, True)),
    ("another program", {"SYSLOG_IDENTIFIER": "sshd-evil"}, None),
    ("two names", {"SYSLOG_IDENTIFIER": ["sshd", "x"]}, None),
)


@pytest.mark.parametrize(("changed", "expected"), [case[1:] for case in RECORDS], ids=[case[0] for case in RECORDS])
def test_journal(changed: Dict[str, Any], expected: Optional[Line]) -> None:
    record = {name: value for name, value in {**JOURNAL, **changed}.items() if value is not None or name == "MESSAGE"}
    assert split(json.dumps(record).encode()) == expected


@pytest.mark.parametrize(
    "line", [b'{"sshd', b'{"SYSLOG_IDENTIFIER":"sshd"', b'{"sshd":' + b"[" * 60_000, b'{"a":"sshd"}', b"{}"]
)
def test_what_is_no_record_is_not_sshds(line: bytes) -> None:
    assert split(line) is None


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


NOW = calendar.timegm((2026, 1, 1, 0, 30, 0))
TIMES = (
    ("2026-01-01T01:00:00+01:00", calendar.timegm((2026, 1, 1, 0, 0, 0)), "east of UTC"),
    ("2025-12-31T19:00:00.5-05:00", calendar.timegm((2026, 1, 1, 0, 0, 0)), "west of UTC"),
    ("2026-01-01T00:00:00Z", calendar.timegm((2026, 1, 1, 0, 0, 0)), "UTC"),
    ("Dec 31 23:59:59", calendar.timegm((2025, 12, 31, 22, 59, 59)), "last year's, in local time"),
    ("Jan  1 01:30:00", NOW, "this year's"),
    ("Jan  1 09:00:00", calendar.timegm((2026, 1, 1, 8, 0, 0)), "a clock some hours ahead is no year behind"),
    ("Jan  3 09:00:00", calendar.timegm((2025, 1, 3, 8, 0, 0)), "two days ahead is last year"),
    ("Foo  1 01:30:00", None, "no month"),
    ("yesterday", None, "no time"),
)


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(("text", "expected"), [case[:2] for case in TIMES], ids=[case[2] for case in TIMES])
def test_to_epoch(text: str, expected: Optional[int]) -> None:
    assert to_epoch(text, NOW) == expected
