# SPDX-License-Identifier: GPL-3.0-or-later
"""Completed logins: known ones, first ones, those after a burst, and those that should not have been possible."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple

from ..core.model import Severity, Signal
from .addresses import network as network_of
from .messages import Event
from .rules import DAY, Rules, trim
from .standing import Standing

UNLOGGED = "unlogged"
"""The method of a login that sshd did not log: nobody knows how it was done."""
_LOGINS = 512
_UNVERIFIED_SPAN = 3_600
_LEARNT = ("ssh_first_login", "login_other", "session_without_login")


class Logins:
    """The parts ``seen`` and ``pending`` of a memory, changed in place."""

    def __init__(self, memory: Dict[str, Any], rules: Rules, standing: Standing) -> None:
        self._memory, self._rules, self._standing = memory, rules, standing

    def login(self, time: int, event: Event) -> None:
        """A login that can be believed."""
        login = login_of(event)
        known = self._known(time, login)
        expected = self._rules.expected(event, time)
        self._break_in(time, login, familiar=known or expected or not self._memory["accepted"])
        self._outside(time, event, login=login)
        if known or expected:
            return
        key = self._pend(time, login)
        if self._memory["accepted"]:
            severity: Severity = "critical" if login["user"] == "root" else "warning"
            title = f"First SSH login of {login['user']} from {login['network'] or 'an unknown address'}"
            detail = f"method {login['method']}, key {login['key'] or 'none'}; not seen and accepted before"
            self._standing.note(Signal("ssh_first_login", key, severity, title, detail, time, time + DAY))

    def other(self, time: int, event: Event, *, remote: bool) -> None:
        """A login by another program than sshd, ``event.method``; without an address at the console if not remote."""
        login = {**login_of(event), "network": _place(event.address, remote=remote)}
        if self._known(time, login) or self._rules.expected(event, time):
            return
        key = self._pend(time, login)
        if self._memory["accepted"]:
            where = (event.address or "somewhere else") if remote else "the console"
            title = f"Login of {event.user} by {event.method}, from {where}"
            detail = "not by way of sshd, so its log has no line about it; not seen and accepted before"
            self._standing.note(Signal("login_other", key, "warning", title, detail, time, time + DAY))

    def unlogged(self, now: int, event: Event, *, begin: str) -> None:
        """A live session of sshd that its log does not account for; told on, accepted or not, while it lives."""
        login = {**login_of(event), "method": UNLOGGED}
        if self._known(now, login):
            return
        key = self._pend(now, login)
        title = (
            f"{event.user} is logged in by SSH from {event.address or 'an unknown address'}, and sshd logged no login"
        )
        detail = (
            f"since {begin}; a LogLevel that hides logins, a second sshd or a removed log does that; "
            "see who it is with: loginctl, ps -ef | grep sshd"
        )
        self._standing.note(Signal("session_without_login", key, "critical", title, detail, now, now + DAY))

    def _known(self, time: int, login: Mapping[str, str]) -> bool:
        """Whether a login was accepted and not forgotten since; it is remembered anew."""
        seen, key = self._memory["seen"], login_key(login)
        if key not in seen or seen[key] + self._rules.seen_ttl <= time:
            return False
        seen[key] = max(seen[key], time)
        return True

    def _pend(self, time: int, login: Dict[str, str]) -> str:
        """Keep a login for an acceptance to make it known; its key."""
        pending, key = self._memory["pending"], login_key(login)
        entry = pending.setdefault(key, {**login, "last": time})
        entry["last"] = max(entry["last"], time)
        trim(pending, _LOGINS, rank=lambda entry: entry["last"])
        return key

    def _break_in(self, time: int, login: Mapping[str, str], *, familiar: bool) -> None:
        entry = self._memory["networks"].get(login["network"])
        if entry is None or not entry["burst"] or not 0 <= time - entry["burst"] < DAY:
            return
        # A person who mistypes once while the Internet knocks is no break-in; a whole burst from there is.
        if familiar and entry["count"] < self._rules.failed_threshold:
            return
        title = f"SSH login of {login['user']} from {login['network']} after a burst of failures from there"
        detail = f"method {login['method']}, key {login['key'] or 'none'}; the password may have been guessed"
        key = f"{login['user']} {login['network']}"
        # Failures that any local user could have written must not make somebody else's login critical.
        severity: Severity = "warning" if entry.get("forgeable") else "critical"
        self._standing.note(Signal("ssh_login_after_burst", key, severity, title, detail, time, time + DAY))

    def _outside(self, time: int, event: Event, *, login: Mapping[str, str]) -> None:
        found = self._rules.objection(event, time)
        if found is None or (found.severity != "critical" and not self._memory["accepted"]):
            return
        title = f"SSH login of {event.user} by {event.method}, which sshd's settings do not allow"
        key = f"outside {login_key(login)}"
        self._standing.note(
            Signal("ssh_login_outside_policy", key, found.severity, title, found.reason, time, time + DAY)
        )

    def unverified(self, time: int, event: Event) -> None:
        """At most one alert an hour, and nothing learnt: any local user can write such a line."""
        if time < self._standing.until("ssh_login_unverified", "unverified"):
            return
        title = "SSH logins in a log that anybody on this host can write to"
        detail = f"the first: {event.user} from {event.address or 'an unknown address'}, method {event.method}"
        until = time + _UNVERIFIED_SPAN
        self._standing.note(Signal("ssh_login_unverified", "unverified", "warning", title, detail, time, until))


def learn(memory: Mapping[str, Any], keys: Tuple[str, ...]) -> Dict[str, Any]:
    """A memory in which the pending logins of ``keys`` are known and no longer stand as alerts."""
    known = {key: memory["pending"][key]["last"] for key in keys if key in memory["pending"]}
    return {
        **memory,
        "accepted": True,
        "seen": {**memory["seen"], **known},
        "pending": {key: entry for key, entry in memory["pending"].items() if key not in known},
        "standing": {
            name: entry
            for name, entry in memory["standing"].items()
            if entry["code"] not in _LEARNT or entry["key"] not in known
        },
    }


def login_key(login: Mapping[str, str]) -> str:
    """The name under which a login is shown and accepted: ``login USER NETWORK METHOD KEY``."""
    return " ".join(["login", *(login[name] or "-" for name in ("user", "network", "method", "key"))])


def login_of(event: Event) -> Dict[str, str]:
    """What makes a login the same as another one."""
    return {
        "user": event.user or "",
        "network": network_of(event.address) if event.address else "",
        "method": event.method or "",
        "key": event.key or "",
    }


def _place(address: Optional[str], *, remote: bool) -> str:
    if address:
        return network_of(address)
    return "" if remote else "console"
