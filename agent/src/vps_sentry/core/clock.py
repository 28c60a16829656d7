# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds since the epoch <-> RFC 3339 UTC text. Reads no clock; ``datetime`` would cost half a Python."""

from __future__ import annotations

from typing import Tuple

_DAY = 86_400
_ERA = 146_097
"""Days of 400 years, after which the calendar repeats itself."""
_SHIFT = 719_468
"""Days from 0000-03-01, where the eras begin, to 1970-01-01."""


def rfc3339(seconds: int) -> str:
    """``1764000000`` -> ``2025-11-24T16:00:00Z``. Raises ValueError outside of the years 1 to 9999."""
    days, rest = divmod(seconds, _DAY)
    year, month, day = _date(days)
    if not 1 <= year <= 9999:
        raise ValueError(f"{seconds} seconds since the epoch is no time of the years 1 to 9999")
    return f"{year:04d}-{month:02d}-{day:02d}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}Z"


def epoch(text: str) -> int:
    """The reverse of ``rfc3339``. Raises ValueError for anything that it would not have written."""
    fields = (text[0:4], text[5:7], text[8:10], text[11:13], text[14:16], text[17:19])
    if all(field.isdecimal() for field in fields):
        year, month, day, hour, minute, second = map(int, fields)
        seconds = _days(year, month, day) * _DAY + hour * 3600 + minute * 60 + second
        if rfc3339(seconds) == text:
            return seconds
    raise ValueError(f"{text[:40]!r} is no time like 2025-11-24T16:00:00Z")


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01; ``days_from_civil`` of Howard Hinnant's date algorithms: a year begins in March."""
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * _ERA + of_era * 365 + of_era // 4 - of_era // 100 + of_year - _SHIFT


def _date(days: int) -> Tuple[int, int, int]:
    """The reverse of ``_days``: ``civil_from_days``."""
    era, of_era = divmod(days + _SHIFT, _ERA)
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month += 3 if month < 10 else -9
    return era * 400 + year + (month <= 2), month, day
