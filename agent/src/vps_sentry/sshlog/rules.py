# SPDX-License-Identifier: GPL-3.0-or-later
"""What the configuration and the machine say about sshd's events, and the memory they are judged with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, FrozenSet, Optional

from ..core.model import Severity
from .messages import Event

DAY = 86_400


@dataclass(frozen=True)
class Objection:
    """Why a login should not have been possible."""

    severity: Severity
    reason: str


@dataclass(frozen=True)
class Rules:
    """Times in seconds."""

    failed_threshold: int
    invalid_user_threshold: int
    span: int
    seen_ttl: int
    accounts: FrozenSet[str]
    """Accounts that can log in."""
    expected: Callable[[Event, int], bool]
    """Whether a login at a time is one the configuration expects."""
    takes_passwords: Callable[[str, Optional[str]], bool] = lambda user, address: True
    """Whether sshd would let a user in, from an address, for a guessed password."""
    objection: Callable[[Event, int], Optional[Objection]] = lambda event, when: None
    """What sshd's own settings say against a completed login at a time."""


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


def trim(entries: Dict[str, Any], most: int, *, rank: Callable[[Any], Any]) -> None:
    """Between once and twice ``most`` entries are kept, the highest ranked; sorting each time would cost too much."""
    if len(entries) > 2 * most:
        for name in sorted(entries, key=lambda name: rank(entries[name]))[:-most]:
            del entries[name]
