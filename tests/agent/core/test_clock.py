# SPDX-License-Identifier: GPL-3.0-or-later
"""Times as text and back, held against the standard library's own calendar."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from vps_sentry.core.clock import epoch, rfc3339

FIRST, LAST = -62_135_596_800, 253_402_300_799


def test_every_day_of_the_calendar_goes_both_ways() -> None:
    begin = datetime(1970, 1, 1)
    for day in range(FIRST // 86_400, LAST // 86_400, 97):
        seconds = day * 86_400 + day * 7919 % 86_400
        text = (begin + timedelta(seconds=seconds)).isoformat() + "Z"
        assert (text, seconds) == (rfc3339(seconds), epoch(text))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        pytest.param(0, "1970-01-01T00:00:00Z", id="the epoch itself"),
        pytest.param(951_782_400, "2000-02-29T00:00:00Z", id="the leap day of a century that has one"),
        pytest.param(4_107_542_399, "2100-02-28T23:59:59Z", id="the day before none"),
        pytest.param(4_107_542_400, "2100-03-01T00:00:00Z", id="and the day after"),
        pytest.param(-1, "1969-12-31T23:59:59Z", id="before the epoch"),
        pytest.param(FIRST, "0001-01-01T00:00:00Z", id="the first"),
        pytest.param(LAST, "9999-12-31T23:59:59Z", id="the last"),
    ],
)
def test_edges_of_the_calendar(seconds: int, text: str) -> None:
    assert (text, seconds) == (rfc3339(seconds), epoch(text))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("2025-11-24T16:00:00", id="no zone"),
        pytest.param("2025-11-24T16:00:00+00:00", id="another zone's spelling"),
        pytest.param("2025-11-24 16:00:00Z", id="a space"),
        pytest.param("2025-02-29T00:00:00Z", id="no leap year"),
        pytest.param("2025-13-01T00:00:00Z", id="month 13"),
        pytest.param("2025-00-10T00:00:00Z", id="month 0"),
        pytest.param("2025-11-24T24:00:00Z", id="hour 24"),
        pytest.param("2025-11-24T16:00:60Z", id="a leap second"),
        pytest.param("2025-1-4T16:00:00Z", id="short fields"),
        pytest.param("-025-11-24T16:00:00Z", id="a sign"),
        pytest.param("0000-01-01T00:00:00Z", id="year 0"),
        pytest.param("\uff12025-11-24T16:00:00Z", id="digits of another script"),
        pytest.param("2025-11-24T16:00:00Z\n", id="a line break behind it"),
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no time"):
        epoch(text)


@pytest.mark.parametrize("seconds", [FIRST - 1, LAST + 1, 2**70, -(2**70)])
def test_seconds_beyond_the_calendar_are_refused(seconds: int) -> None:
    with pytest.raises(ValueError, match="1 to 9999"):
        rfc3339(seconds)
