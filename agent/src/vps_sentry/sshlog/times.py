# SPDX-License-Identifier: GPL-3.0-or-later
"""Log time as text and as seconds since the epoch."""

from __future__ import annotations

import calendar
import re
import time
from typing import Dict, Optional

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY = 86_400
_DATED = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|([+-])(\d\d):(\d\d))")
_PLAIN = re.compile(r"([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d)")


def from_microseconds(value: int) -> str:
    """Microseconds since the epoch as RFC 3339 in UTC."""
    seconds, rest = divmod(value, 1_000_000)
    year, month, day, hour, minute, second = time.gmtime(seconds)[:6]
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{rest:06}Z"


def to_epoch(text: str, now: int) -> Optional[int]:
    """A time as ``lines.split`` gives it -> seconds since the epoch; None when it is none.

    A time without a year (RFC 3164) is local time, and lies at most a day after ``now``.
    """
    found = _DATED.fullmatch(text)
    if found is not None:
        parts = tuple(int(part) for part in found.groups()[:6])
        shift = 0 if found[7] is None else (int(found[8]) * 60 + int(found[9])) * 60
        try:
            return calendar.timegm((*parts, 0, 0, 0)) - (-shift if found[7] == "-" else shift)
        except ValueError:
            # The thirteenth month of somebody's own clock.
            return None
    found = _PLAIN.fullmatch(text)
    if found is None or found[1] not in MONTHS:
        return None
    month, rest = MONTHS.index(found[1]) + 1, tuple(int(part) for part in found.groups()[1:])
    year = time.localtime(now)[0]
    # 31 December read on 1 January is last year's; a clock one day ahead is not.
    guesses = (_local(guess, month, rest) for guess in (year + 1, year, year - 1))
    return next((guess for guess in guesses if guess <= now + _DAY), None)


def _local(year: int, month: int, rest: tuple[int, ...]) -> int:
    day, hour, minute, second = rest
    return int(time.mktime((year, month, day, hour, minute, second, 0, 0, -1)))


class Clock:
    """The time of records that were read for the first time now: neither before the last look nor far ahead.

    A clock that was set, or a line somebody wrote, must neither hide a login in the past nor keep an alert standing
    for years.
    """

    def __init__(self, since: int, now: int) -> None:
        """``since`` is the time of the last look, 0 when what is read may be older than it."""
        self._since = since if since <= now else 0
        self._now = now
        self._off = 0

    def place(self, time: int) -> int:
        """The time at which a record counts, in seconds since the epoch."""
        placed = max(time, self._since) if time <= self._now + _DAY else self._now
        self._off += abs(placed - time) > _DAY
        return placed

    def gaps(self) -> Dict[str, str]:
        """What is to be said of it; see ``source.Source``."""
        return {"clock": f"{self._off} records bear a time that cannot be (was the clock set?)"} if self._off else {}
