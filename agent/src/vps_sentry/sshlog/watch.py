# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from sshd's messages, one after the other, and from sessions that left none.

All state is one plain JSON object, so a run ends wherever the log does and the next one goes on. Severities are
those that keep a public server quiet.
"""

from __future__ import annotations

from typing import Any, Dict, Tuple

from ..core.model import Signal
from .bursts import Bursts
from .logins import Logins
from .messages import Event
from .rules import DAY, Rules
from .standing import Standing


class Watch:
    """Feeds events to a memory (as ``rules.empty`` gives it, changed in place)."""

    def __init__(self, memory: Dict[str, Any], rules: Rules, now: int) -> None:
        self._memory, self._rules, self._now = memory, rules, now
        self.standing = Standing(memory)
        self.logins = Logins(memory, rules, self.standing)
        self._bursts = Bursts(memory, rules, self.standing)

    def feed(self, time: int, pid: int, *, event: Event, trusted: bool) -> None:
        """One event at ``time`` (seconds since the epoch, as logged)."""
        if event.event == "failed":
            self._bursts.failed(time, event, pid=pid, trusted=trusted)
        elif event.event == "invalid_user":
            self._bursts.invalid(time, event, trusted=trusted)
        elif event.event == "preauth_disconnect" and event.what == "named":
            self._bursts.left(time, event, pid=pid)
        elif event.event == "accepted" and event.login:
            if trusted:
                self.logins.login(time, event)
            else:
                self.logins.unverified(time, event)
        elif event.what == "penalty":
            self._bursts.penalty(time, event)

    def signals(self) -> Tuple[Signal, ...]:
        """What stands now; forgets what is over, by the clock."""
        memory, now, ttl = self._memory, self._now, self._rules.seen_ttl
        found = self.standing.signals(now)
        memory["networks"] = {name: entry for name, entry in memory["networks"].items() if entry["last"] > now - DAY}
        memory["seen"] = {name: last for name, last in memory["seen"].items() if last + ttl > now}
        memory["pending"] = {name: entry for name, entry in memory["pending"].items() if entry["last"] + ttl > now}
        return found
