# SPDX-License-Identifier: GPL-3.0-or-later
"""The signals that stand: told by what has happened, prolonged while it goes on, over by the clock."""

from __future__ import annotations

from typing import Any, Container, Dict, Optional, Tuple

from ..core.model import Signal

MOST = 256
RANK: Dict[str, int] = {"info": 0, "warning": 1, "critical": 2}
_FIELDS = ("code", "key", "severity", "title", "detail", "seen", "until")


class Standing:
    """The parts ``standing`` and ``more`` of a memory (as ``watch.empty`` gives it, changed in place)."""

    def __init__(self, memory: Dict[str, Any]) -> None:
        self._memory = memory

    def note(self, signal: Signal) -> None:
        """Keep a signal standing; one that stands already is only prolonged, unless it has become worse."""
        name = f"{signal.code} {signal.key}"
        found = self._memory["standing"].get(name)
        fresh = {field: getattr(signal, field) for field in _FIELDS}
        if found is not None and signal.seen < found["until"]:
            worse = RANK[signal.severity] > RANK[found["severity"]]
            base = {**fresh, "seen": found["seen"]} if worse else found
            fresh = {**base, "until": max(found["until"], signal.until)}
        self._memory["standing"][name] = fresh

    def until(self, code: str, key: str) -> int:
        """When a signal ends; 0 when it does not stand."""
        found: Optional[Dict[str, Any]] = self._memory["standing"].get(f"{code} {key}")
        return 0 if found is None else int(found["until"])

    def keep(self, code: str, keys: Container[str]) -> None:
        """Of all that stands of a code only these are still so."""
        kept = self._memory["standing"]
        self._memory["standing"] = {
            name: entry for name, entry in kept.items() if entry["code"] != code or entry["key"] in keys
        }

    def signals(self, now: int) -> Tuple[Signal, ...]:
        """What stands now, in the order of its names; forgets what is over."""
        memory = self._memory
        memory["standing"] = {name: entry for name, entry in memory["standing"].items() if entry["until"] > now}
        self._fold(now)
        return (*(Signal(**memory["standing"][name]) for name in sorted(memory["standing"])), *self._more())

    def _fold(self, now: int) -> None:
        """Too many to stand one by one: the least of them become one that counts them exactly."""
        standing, more = self._memory["standing"], self._memory["more"]
        if more and more["until"] <= now:
            more.clear()
        ranked = sorted(standing, key=lambda name: (-RANK[standing[name]["severity"]], standing[name]["seen"]))
        for name in ranked[MOST:]:
            rest = standing.pop(name)
            more["count"] = more.get("count", 0) + 1
            more["seen"] = min(more.get("seen", rest["seen"]), rest["seen"])
            more["until"] = max(more.get("until", 0), rest["until"])
            more["severity"] = max(more.get("severity", "info"), rest["severity"], key=lambda word: RANK[word])

    def _more(self) -> Tuple[Signal, ...]:
        more = self._memory["more"]
        if not more:
            return ()
        title = f"{more['count']} more SSH alerts than can be listed"
        detail = f"{MOST} are listed, the most severe and oldest; the log of sshd has all"
        return (Signal("ssh_more", "more", more["severity"], title, detail, more["seen"], more["until"]),)
