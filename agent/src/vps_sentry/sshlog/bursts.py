# SPDX-License-Identifier: GPL-3.0-or-later
"""Attempts that come in bursts: failed logins, users that do not exist, connections that leave before logging in."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ..core.model import Severity, Signal
from . import window
from .addresses import network as network_of
from .messages import Event
from .rules import Rules, trim
from .standing import Standing

KEY_ONLY_THRESHOLD = 50
KEY_ONLY_SPAN = 3_600
_NETWORKS = 512
_CONNECTIONS = 512


class Bursts:
    """The parts ``windows``, ``networks`` and ``connections`` of a memory, changed in place."""

    def __init__(self, memory: Dict[str, Any], rules: Rules, standing: Standing) -> None:
        self._memory, self._rules, self._standing = memory, rules, standing

    def _count(self, name: str, time: int, count: int, *, threshold: int, span: int) -> bool:
        kept = self._memory["windows"].setdefault(name, [])
        return window.add(kept, time, count=count, span=span, threshold=threshold)

    def failed(self, time: int, event: Event, *, pid: int, trusted: bool) -> None:
        """A failed attempt, or a line that stands for several."""
        self._remember_connection(time, _connection(event, pid))
        if not event.attempts:
            return
        rules = self._rules
        entry = self._network(time, event)
        alone = False
        if entry is not None:
            entry["count"] = min(entry["count"] + event.attempts, 1_000_000)
            entry["forgeable"] = entry.get("forgeable", False) or not trusted
            target = event.attempts if self._can_succeed(event) else 0
            alone = bool(target) and window.add(
                entry["window"], time, count=target, span=rules.span, threshold=rules.failed_threshold
            )
        if self._count("failed", time, event.attempts, threshold=rules.failed_threshold, span=rules.span):
            self._join(time, entry)
            self._burst(time, event, alone=alone, trusted=trusted)

    def _can_succeed(self, event: Event) -> bool:
        """Whether guessing on may let somebody in: the account exists, and sshd takes passwords for it."""
        user = event.user
        return user is not None and user in self._rules.accounts and self._rules.takes_passwords(user, event.address)

    def _join(self, time: int, entry: Optional[Dict[str, Any]]) -> None:
        """Note which networks take part in the burst; at its beginning all that failed within the span."""
        going_on = time < self._standing.until("ssh_failure_burst", "burst")
        joining = [entry] if going_on else list(self._memory["networks"].values())
        for each in joining:
            if each is not None and each["count"] and abs(time - each["last"]) < self._rules.span:
                each["burst"] = max(each["burst"], time)

    def _burst(self, time: int, event: Event, *, alone: bool, trusted: bool) -> None:
        span = self._rules.span
        severity: Severity = "warning" if alone and trusted else "info"
        title = "Burst of failed SSH logins" + ("" if trusted else " (unverified)")
        detail = f"{self._rules.failed_threshold} or more failed attempts within {span} s"
        if alone and event.address:
            title = "Burst of failed SSH logins against an existing account" + ("" if trusted else " (unverified)")
            detail += f", all from {network_of(event.address)}, against {event.user}, whom sshd lets in by password"
        self._standing.note(Signal("ssh_failure_burst", "burst", severity, title, detail, time, time + span))

    def invalid(self, time: int, event: Event, *, trusted: bool) -> None:
        """An attempt as a user that does not exist."""
        self._network(time, event)
        threshold, span = self._rules.invalid_user_threshold, self._rules.span
        if self._count("invalid", time, 1, threshold=threshold, span=span):
            title = "Burst of SSH logins as users that do not exist" + ("" if trusted else " (unverified)")
            detail = f"{threshold} or more within {span} s"
            until = time + span
            self._standing.note(Signal("ssh_invalid_user_burst", "invalid users", "info", title, detail, time, until))

    def left(self, time: int, event: Event, *, pid: int) -> None:
        """A named user's connection that ended before the login."""
        # One connection may leave several such lines, and one with a failure line was counted there.
        connection = _connection(event, pid)
        if connection in self._memory["connections"]:
            return
        self._remember_connection(time, connection)
        self._network(time, event)
        if self._count("left", time, 1, threshold=KEY_ONLY_THRESHOLD, span=KEY_ONLY_SPAN):
            title = "Many SSH connections left before logging in"
            detail = f"{KEY_ONLY_THRESHOLD} or more within an hour; where only keys are accepted this is brute force"
            until = time + KEY_ONLY_SPAN
            self._standing.note(Signal("ssh_key_only_burst", "connections", "info", title, detail, time, until))

    def penalty(self, time: int, event: Event) -> None:
        """A connection that OpenSSH 9.8 or newer dropped unseen."""
        self._network(time, event)
        span = self._rules.span
        detail = "OpenSSH drops connections of penalised addresses unseen: failure counts fall while the attack goes on"
        title = "sshd penalises addresses"
        self._standing.note(Signal("ssh_penalty", "penalty", "info", title, detail, time, time + span))

    def _network(self, time: int, event: Event) -> Optional[Dict[str, Any]]:
        if event.address is None:
            return None
        networks = self._memory["networks"]
        entry: Dict[str, Any] = networks.setdefault(
            network_of(event.address), {"window": [], "last": time, "burst": 0, "count": 0, "forgeable": False}
        )
        entry["last"] = max(entry["last"], time)
        # Whoever can send from many networks must not push one that has been busy out of memory.
        threshold = self._rules.failed_threshold
        trim(networks, _NETWORKS, rank=lambda entry: (entry["count"] >= threshold, entry["last"]))
        return entry

    def _remember_connection(self, time: int, connection: str) -> None:
        self._memory["connections"][connection] = time
        trim(self._memory["connections"], _CONNECTIONS, rank=int)


def _connection(event: Event, pid: int) -> str:
    return f"{event.address} {event.port}" if event.address else f"pid {pid}"
