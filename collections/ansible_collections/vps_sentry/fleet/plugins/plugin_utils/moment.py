# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's clock."""

from __future__ import annotations

from datetime import datetime, timezone


def now() -> str:
    """RFC 3339 UTC, to the second."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
