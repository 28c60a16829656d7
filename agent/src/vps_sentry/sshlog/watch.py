# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from sshd's messages, one after the other: bursts, break-ins after a burst, first logins.

All state is one plain JSON object, so a run ends wherever the log does and the next one goes on. Severities are
those that keep a public server quiet. Not judged here: whether sshd offers passwords at all (that needs its effective
settings) and whether a live session stands behind an unverified login (that needs a second witness).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, FrozenSet, Mapping, Optional, Tuple

from ..core.model import Severity, Signal
from . import window
from .addresses import network as network_of
from .messages import Event

DAY = 86_400
KEY_ONLY_THRESHOLD = 50
KEY_ONLY_SPAN = 3_600
UNVERIFIED_SPAN = 3_600
_NETWORKS = 512
_CONNECTIONS = 512
_LOGINS = 512
_STANDING = 256


@dataclass(frozen=True)
class Rules:
    """What the configuration and the machine say about sshd's events; times in seconds."""

    failed_threshold: int
    invalid_user_threshold: int
    span: int
    seen_ttl: int
    accounts: FrozenSet[str]
    """Accounts that can log in."""
    expected: Callable[[Event, int], bool]
    """Whether a login at a time is one the configuration expects."""


def empty() -> Dict[str, Any]:
    """The memory of a machine on which nothing was seen yet."""
    return {
        "accepted": False,
        "windows": {},
        "networks": {},
        "connections": {},
        "seen": {},
        "pending": {},
        "standing": {},
        "more": {},
    }


class Watch:
    """Feeds events to a memory (as ``empty`` gives it, changed in place)."""

    def __init__(self, memory: Dict[str, Any], rules: Rules, now: int) -> None:
        self._memory, self._rules, self._now = memory, rules, now

    def feed(self, time: int, pid: int, *, event: Event, trusted: bool) -> None:
        """One event at ``time`` (seconds since the epoch, as logged)."""
        if event.event == "failed":
            self._failed(time, event, pid=pid, trusted=trusted)
        elif event.event == "invalid_user":
            self._invalid(time, event, trusted=trusted)
        elif event.event == "preauth_disconnect" and event.what == "named":
            self._left(time, event, pid=pid)
        elif event.event == "accepted" and event.login:
            self._login(time, event, trusted=trusted)
        elif event.what == "penalty":
            self._penalty(time, event)

    def _count(self, name: str, time: int, count: int, *, threshold: int, span: int) -> bool:
        kept = self._memory["windows"].setdefault(name, [])
        return window.add(kept, time, count=count, span=span, threshold=threshold)

    def _failed(self, time: int, event: Event, *, pid: int, trusted: bool) -> None:
        self._remember_connection(time, _connection(event, pid))
        if not event.attempts:
            return
        rules = self._rules
        entry = self._network(time, event)
        alone = False
        if entry is not None:
            entry["count"] = min(entry["count"] + event.attempts, 1_000_000)
            target = event.attempts if event.user in rules.accounts else 0
            alone = bool(target) and window.add(
                entry["window"], time, count=target, span=rules.span, threshold=rules.failed_threshold
            )
        if self._count("failed", time, event.attempts, threshold=rules.failed_threshold, span=rules.span):
            self._join(time, entry)
            self._burst(time, event, alone=alone, trusted=trusted)

    def _join(self, time: int, entry: Optional[Dict[str, Any]]) -> None:
        """Note which networks take part in the burst; at its beginning all that failed within the span."""
        standing = self._memory["standing"].get("ssh_failure_burst burst")
        going_on = standing is not None and time < standing["until"]
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
            detail += f", all from {network_of(event.address)}, against {event.user}"
        self.note(Signal("ssh_failure_burst", "burst", severity, title, detail, time, time + span))

    def _invalid(self, time: int, event: Event, *, trusted: bool) -> None:
        self._network(time, event)
        threshold, span = self._rules.invalid_user_threshold, self._rules.span
        if self._count("invalid", time, 1, threshold=threshold, span=span):
            title = "Burst of SSH logins as users that do not exist" + ("" if trusted else " (unverified)")
            detail = f"{threshold} or more within {span} s"
            self.note(Signal("ssh_invalid_user_burst", "invalid users", "info", title, detail, time, time + span))

    def _left(self, time: int, event: Event, *, pid: int) -> None:
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
            self.note(Signal("ssh_key_only_burst", "connections", "info", title, detail, time, until))

    def _penalty(self, time: int, event: Event) -> None:
        self._network(time, event)
        span = self._rules.span
        detail = "OpenSSH drops connections of penalised addresses unseen: failure counts fall while the attack goes on"
        self.note(Signal("ssh_penalty", "penalty", "info", "sshd penalises addresses", detail, time, time + span))

    def _login(self, time: int, event: Event, *, trusted: bool) -> None:
        if not trusted:
            self._unverified(time, event)
            return
        login = _login_of(event)
        key = login_key(login)
        memory, rules = self._memory, self._rules
        known = key in memory["seen"] and memory["seen"][key] + rules.seen_ttl > time
        expected = rules.expected(event, time)
        self._break_in(time, login, familiar=known or expected or not memory["accepted"])
        if known:
            memory["seen"][key] = max(memory["seen"][key], time)
        elif not expected:
            entry = memory["pending"].setdefault(key, {**login, "last": time})
            entry["last"] = max(entry["last"], time)
            _trim(memory["pending"], _LOGINS, lambda entry: entry["last"])
            if memory["accepted"]:
                severity: Severity = "critical" if login["user"] == "root" else "warning"
                title = f"First SSH login of {login['user']} from {login['network'] or 'an unknown address'}"
                detail = f"method {login['method']}, key {login['key'] or 'none'}; not seen and accepted before"
                self.note(Signal("ssh_first_login", key, severity, title, detail, time, time + DAY))

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
        self.note(Signal("ssh_login_after_burst", key, "critical", title, detail, time, time + DAY))

    def _unverified(self, time: int, event: Event) -> None:
        """At most one alert an hour, and nothing learnt: any local user can write such a line."""
        standing = self._memory["standing"].get("ssh_login_unverified unverified")
        if standing and time < standing["until"]:
            return
        title = "SSH logins in a log that anybody on this host can write to"
        detail = f"the first: {event.user} from {event.address or 'an unknown address'}, method {event.method}"
        until = time + UNVERIFIED_SPAN
        self.note(Signal("ssh_login_unverified", "unverified", "warning", title, detail, time, until))

    def note(self, signal: Signal) -> None:
        """Keep a signal standing; one that stands already is only prolonged, unless it has become worse."""
        name = f"{signal.code} {signal.key}"
        found = self._memory["standing"].get(name)
        fresh = {field: getattr(signal, field) for field in _SIGNAL_FIELDS}
        if found is not None and signal.seen < found["until"]:
            worse = _RANK[signal.severity] > _RANK[found["severity"]]
            base = {**fresh, "seen": found["seen"]} if worse else found
            fresh = {**base, "until": max(found["until"], signal.until)}
        self._memory["standing"][name] = fresh

    def _network(self, time: int, event: Event) -> Optional[Dict[str, Any]]:
        if event.address is None:
            return None
        networks = self._memory["networks"]
        entry: Dict[str, Any] = networks.setdefault(
            network_of(event.address), {"window": [], "last": time, "burst": 0, "count": 0}
        )
        entry["last"] = max(entry["last"], time)
        # Whoever can send from many networks must not push one that has been busy out of memory.
        threshold = self._rules.failed_threshold
        _trim(networks, _NETWORKS, lambda entry: (entry["count"] >= threshold, entry["last"]))
        return entry

    def _remember_connection(self, time: int, connection: str) -> None:
        self._memory["connections"][connection] = time
        _trim(self._memory["connections"], _CONNECTIONS, int)

    def signals(self) -> Tuple[Signal, ...]:
        """What stands now; forgets what is over, by the clock."""
        memory, now = self._memory, self._now
        memory["standing"] = {name: entry for name, entry in memory["standing"].items() if entry["until"] > now}
        self._fold()
        memory["networks"] = {name: entry for name, entry in memory["networks"].items() if entry["last"] > now - DAY}
        memory["seen"] = {name: last for name, last in memory["seen"].items() if last + self._rules.seen_ttl > now}
        memory["pending"] = {
            name: entry for name, entry in memory["pending"].items() if entry["last"] + self._rules.seen_ttl > now
        }
        return (*(Signal(**memory["standing"][name]) for name in sorted(memory["standing"])), *self._more())

    def _fold(self) -> None:
        """Too many to stand one by one: the least of them become one that counts them exactly."""
        standing, more = self._memory["standing"], self._memory["more"]
        if more and more["until"] <= self._now:
            more.clear()
        ranked = sorted(standing, key=lambda name: (-_RANK[standing[name]["severity"]], standing[name]["seen"]))
        for name in ranked[_STANDING:]:
            rest = standing.pop(name)
            more["count"] = more.get("count", 0) + 1
            more["seen"] = min(more.get("seen", rest["seen"]), rest["seen"])
            more["until"] = max(more.get("until", 0), rest["until"])
            more["severity"] = max(more.get("severity", "info"), rest["severity"], key=lambda word: _RANK[word])

    def _more(self) -> Tuple[Signal, ...]:
        more = self._memory["more"]
        if not more:
            return ()
        title = f"{more['count']} more SSH alerts than can be listed"
        detail = f"{_STANDING} are listed, the most severe and oldest; the log of sshd has all"
        return (Signal("ssh_more", "more", more["severity"], title, detail, more["seen"], more["until"]),)


_SIGNAL_FIELDS = ("code", "key", "severity", "title", "detail", "seen", "until")
_RANK: Dict[str, int] = {"info": 0, "warning": 1, "critical": 2}


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
            if entry["code"] != "ssh_first_login" or entry["key"] not in known
        },
    }


def login_key(login: Mapping[str, str]) -> str:
    """The name under which a login is shown and accepted: ``login USER NETWORK METHOD KEY``."""
    return " ".join(["login", *(login[name] or "-" for name in ("user", "network", "method", "key"))])


def _login_of(event: Event) -> Dict[str, str]:
    return {
        "user": event.user or "",
        "network": network_of(event.address) if event.address else "",
        "method": event.method or "",
        "key": event.key or "",
    }


def _connection(event: Event, pid: int) -> str:
    return f"{event.address} {event.port}" if event.address else f"pid {pid}"


def _trim(entries: Dict[str, Any], most: int, rank: Callable[[Any], Any]) -> None:
    """Between once and twice ``most`` entries are kept, the highest ranked; sorting each time would cost too much."""
    if len(entries) > 2 * most:
        for name in sorted(entries, key=lambda name: rank(entries[name]))[:-most]:
            del entries[name]
