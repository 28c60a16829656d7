# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds since the epoch <-> RFC 3339 UTC text. Reads no clock."""

from __future__ import annotations

from datetime import datetime, timezone

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def rfc3339(seconds: int) -> str:
    """``1764000000`` -> ``2025-11-24T16:00:00Z``."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime(_FORMAT)


def epoch(text: str) -> int:
    """The reverse of ``rfc3339``. Raises ValueError."""
    return int(datetime.strptime(text, _FORMAT).replace(tzinfo=timezone.utc).timestamp())
