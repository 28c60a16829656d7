# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations and sizes."""

from __future__ import annotations

import pytest
from vps_sentry.core import units


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("5m", 300), ("1h", 3600), ("30d", 2592000), ("2w", 1209600)]
)
def test_duration(text: str, seconds: int) -> None:
    assert seconds == units.duration(text)


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1.5h", "1 h", "1h ", "\u0661h", "99999999h", "1hh"])
def test_duration_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        units.duration(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("10B", 10), ("1KiB", 1024), ("256MiB", 268435456), ("2GiB", 2147483648)]
)
def test_size(text: str, expected: int) -> None:
    assert expected == units.size(text)


@pytest.mark.parametrize("text", ["", "256", "256MB", "-1MiB", "1.5GiB", "1TiB"])
def test_size_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        units.size(text)
