# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts and messages as the sinks are given them."""

from __future__ import annotations

from typing import Any

from vps_sentry.core.model import Alert
from vps_sentry.sinks import Message

HOSTILE = "a](https://evil.example) @everyone <@1> **b** `c` ||d|| :smile:\n# big\n> q\n- x\n1. y\u202e\x1b[31m\udcff"
"""Everything that text could do to a reader: style, link, mention, list, bidirectional and terminal control."""


def alert(**changes: Any) -> Alert:
    plain: dict[str, Any] = {
        "id": "00112233445566aa",
        "code": "public_listener_added",
        "severity": "critical",
        "state": "open",
        "check": "ports",
        "key": "tcp:4444",
        "title": "New public listener tcp:4444",
        "detail": "python3 listens on 0.0.0.0:4444",
        "before": None,
        "after": {"address": "0.0.0.0"},
        "explanation": "none",
        "first_seen": "2026-10-01T12:00:00Z",
        "last_seen": "2026-10-01T12:00:00Z",
    }
    return Alert(**{**plain, **changes})


def message(**changes: Any) -> Message:
    plain: dict[str, Any] = {
        "id": "0123456789abcdef",
        "host": "web-1",
        "time": "2026-10-01T12:00:00Z",
        "alerts": (alert(),),
        "attachment": b'{"alerts":[]}',
    }
    return Message(**{**plain, **changes})
