# SPDX-License-Identifier: GPL-3.0-or-later
"""What the settings of the sshd that run here say about one login, and how sure that is."""

from __future__ import annotations

from functools import lru_cache
from typing import List, NamedTuple, Optional, Sequence, Tuple

from ..core.clock import rfc3339
from ..sshlog.messages import Event
from ..sshlog.rules import Objection
from .files import Accounts, Read


class Running(NamedTuple):
    """One sshd."""

    read: Read
    started: int
    """When it read its settings, seconds since the epoch; 0 when it reads them for each connection."""


class Judge:
    """The settings of every sshd; with several, a login is objected to only if none of them would allow it."""

    def __init__(self, running: Sequence[Running], accounts: Accounts) -> None:
        self._running, self._accounts = running, accounts
        self.listening = 0
        """When sshd last said that it listens, by its log as far as it was read: then it read its settings anew."""
        # An attacker is asked about thousands of times an hour.
        self._cached = lru_cache(maxsize=4096)(self._takes_passwords)

    def takes_passwords(self, user: str, address: Optional[str]) -> bool:
        """Whether a guessed password may let ``user`` in from ``address``."""
        return self._cached(user, address)

    def _takes_passwords(self, user: str, address: Optional[str]) -> bool:
        who = self._accounts.who(user, address)
        return any(each.read.policy.takes_passwords(who) for each in self._running)

    def objection(self, event: Event, when: int) -> Optional[Objection]:
        """Why a completed login at ``when`` should not have been possible; critical only where that is certain."""
        if event.user is None or event.method is None:
            return None
        who = self._accounts.who(event.user, event.address)
        reasons: List[str] = []
        for each in self._running:
            reason = each.read.policy.forbids(who, event.method)
            if reason is None or each.read.problem:
                return None
            reasons.append(reason)
        if not reasons:
            return None
        if all(each.read.changed <= self._since(each, when) for each in self._running):
            return Objection("critical", f"{reasons[0]}; those settings were in force when it happened")
        changed = rfc3339(max(each.read.changed for each in self._running))
        return Objection(
            "warning", f"{reasons[0]}; but the settings moved at {changed}, so others may have been in force"
        )

    def _since(self, each: Running, when: int) -> int:
        """The last moment before a login at which an sshd surely read its settings."""
        moments = [moment for moment in (each.started, self.listening) if 0 < moment <= when]
        return when if not each.started else max(moments, default=0)

    def hiding(self) -> Tuple[Tuple[str, str], ...]:
        """Level and place of every setting that keeps logins out of the log."""
        return tuple(sorted({found for each in self._running for found in each.read.policy.hiding()}))

    def problems(self) -> Tuple[str, ...]:
        """Settings that could not be read."""
        return tuple(sorted({each.read.problem for each in self._running if each.read.problem}))

    def places(self) -> Tuple[str, ...]:
        """Files and directories the settings come from."""
        return tuple(sorted({place for each in self._running for place in each.read.places}))
