# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several actions share."""

from __future__ import annotations

STORE = {"type": "str"}
FAIL_ON = {
    "type": "list",
    "elements": "str",
    "default": [],
    "choices": ["never", "drift", "critical", "incomplete"],
}
