# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd's messages by the dozen, fed to a watch run by run."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Dict, List, Optional, Tuple

from vps_sentry.core import canonical
from vps_sentry.sshlog.messages import parse
from vps_sentry.sshlog.rules import DAY, Rules, empty
from vps_sentry.sshlog.watch import Watch

T = 1_795_349_000
HOUR = 3600
KEY = "SHA256:UlvTNRrIo+vb+/SOX9LzVmM2x3ru82zEBU6vPocBPMU"
Row = Tuple[int, str]
RULES = Rules(
    failed_threshold=25,
    invalid_user_threshold=10,
    span=HOUR,
    seen_ttl=30 * DAY,
    accounts=frozenset({"root", "alice"}),
    expected=lambda event, when: event.user == "ci",
)


def memory(*, accepted: bool = True, seen: Optional[Dict[str, int]] = None) -> Dict[str, Any]:
    return {**empty(), "accepted": accepted, "seen": seen or {}}


KEYS_FOR_ROOT = replace(RULES, takes_passwords=lambda user, address: user != "root")


def feed(
    kept: Dict[str, Any], rows: List[Row], *, now: int, trusted: bool = True, rules: Rules = RULES
) -> List[Tuple[str, str]]:
    """Severity and code of what stands after one run, the memory passed on as JSON between runs."""
    watch = Watch(kept, rules, now)
    for number, (when, message) in enumerate(rows):
        event = parse(message.encode())
        assert event is not None
        watch.feed(when, number, event=event, trusted=trusted)
    found: List[Tuple[str, str]] = [(signal.severity, signal.code) for signal in watch.signals()]
    again = json.loads(canonical.dumps(kept))
    kept.clear()
    kept.update(again)
    return found


def failed(
    count: int, *, start: int = T, step: int = 1, address: str = "203.0.113.7", user: str = "nobody"
) -> List[Row]:
    text = f"Failed password for invalid user {user} from {address} port %d ssh2"
    return [(start + number * step, text % (1024 + number)) for number in range(count)]


def accepted(when: int, *, user: str = "alice", address: str = "203.0.113.7", method: str = "password") -> Row:
    key = f": ED25519 {KEY}" if method == "publickey" else ""
    return when, f"Accepted {method} for {user} from {address} port 9 ssh2{key}"
