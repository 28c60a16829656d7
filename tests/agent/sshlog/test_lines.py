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


HOSTILE = (
    ("a key twice", b'{"_UID":"1000","SYSLOG_IDENTIFIER":"sshd","_TRANSPORT":"syslog","MESSAGE":"x","_UID":"0"}', None),
    ("a name twice", b'{"SYSLOG_IDENTIFIER":"cron","SYSLOG_IDENTIFIER":"sshd","MESSAGE":"x"}', None),
    (
        "huge numbers",
        b'{"SYSLOG_IDENTIFIER":"sshd","MESSAGE":"x","_PID":' + b"9" * 60_000 + b',"a":1e999,"b":-0.0,"c":NaN}',
        Line("", "sshd", None, b"x", False),
    ),
    (
        "half a surrogate",
        b'{"SYSLOG_IDENTIFIER":"sshd","MESSAGE":"\\ud800","__REALTIME_TIMESTAMP":"\\udfff"}',
        Line("\\xed\\xbf\\xbf", "sshd", None, b"\xed\xa0\x80", False),
    ),
    ("a byte too large", b'{"SYSLOG_IDENTIFIER":"sshd","MESSAGE":[256]}', Line("", "sshd", None, None, False)),
    ("a negative byte", b'{"SYSLOG_IDENTIFIER":"sshd","MESSAGE":[-1]}', Line("", "sshd", None, None, False)),
    ("a fraction of a byte", b'{"SYSLOG_IDENTIFIER":"sshd","MESSAGE":[1.0]}', Line("", "sshd", None, None, False)),
    ("nested", b'{"SYSLOG_IDENTIFIER":"sshd","MESSAGE":' + b'{"a":' * 9_000 + b"1" + b"}" * 9_001, None),
    ("other digits", '{"SYSLOG_IDENTIFIER":"sshd","_PID":"\u0661","MESSAGE":""}'.encode(),
     Line("", "sshd", None, b"", False)),
    ("not UTF-8", b'{"SYSLOG_IDENTIFIER":"sshd","MESSAGE":"\xff"}', None),
    ("two objects", b'{"SYSLOG_IDENTIFIER":"sshd","MESSAGE":"x"}{}', None),
    ("a mark of byte order", b'\xef\xbb\xbf{"SYSLOG_IDENTIFIER":"sshd"}', None),
)  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_hostile_json(line: bytes, expected: Optional[Line]) -> None:
    assert split(line) == expected


def test_huge_numbers_cost_no_more_than_their_length() -> None:
    line = b'{"SYSLOG_IDENTIFIER":"sshd","MESSAGE":[' + b",".join([b"9" * 4_000] * 15) + b"]}"
    began = time.process_time()
    for _ in range(50):
        assert split(line) == Line("", "sshd", None, None, False)
    assert time.process_time() - began < 0.5


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
    ("2026-13-01T00:00:00Z", None, "no such month"),
    ("0000-01-01T00:00:00Z", None, "no such year"),
    ("2026-02-31T00:00:00Z", calendar.timegm((2026, 3, 3, 0, 0, 0)), "no such day is one of the next month"),
    ("Feb 29 12:00:00", calendar.timegm((2025, 3, 1, 11, 0, 0)), "a leap day in no leap year, too"),
)


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(("text", "expected"), [case[:2] for case in TIMES], ids=[case[2] for case in TIMES])
def test_to_epoch(text: str, expected: Optional[int]) -> None:
    assert to_epoch(text, NOW) == expected
