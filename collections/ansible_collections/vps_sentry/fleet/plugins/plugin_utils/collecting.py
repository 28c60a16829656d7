# SPDX-License-Identifier: GPL-3.0-or-later
"""One attempt to collect one host, whatever carries the bytes: ask, take, or say why there was nothing."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Mapping, Optional

from . import ingest, limits, roster
from .fetch import request
from .moment import now
from .store import Store
from .verify import VerifyError, verify


@dataclass(frozen=True)
class Asked:
    """What a host was asked: the nonce it has to repeat, and the buckets it need not send."""

    name: str
    cohort: str
    nonce: str
    held: Mapping[str, int]

    @property
    def request(self) -> bytes:
        """The line the agent reads on standard input."""
        return request(self.nonce, self.held)


def begin(store: Store, name: str, *, cohort: str, max_age: Optional[int] = None) -> Asked:
    """Note that ``name`` is being asked; whatever cuts the attempt off, the host counts as not reached."""
    with store.write() as connection:
        roster.begin_attempt(connection, name, cohort=cohort, max_age=max_age)
        held = roster.holdings(connection, name)
    return Asked(name, cohort, secrets.token_hex(16), held)


def take(store: Store, asked: Asked, answer: bytes) -> ingest.Ingested:
    """Verify and store an answer as it came off the wire. Raises VerifyError; the attempt is on record either way."""
    try:
        data = _unpacked(answer)
        bundle = verify(data, nonce=asked.nonce, held=asked.held)
        with store.write() as connection:
            whose = ingest.Whose(asked.name, asked.cohort, asked=True)
            return replace(ingest.ingest(connection, bundle, whose=whose, at=now()), size=len(data))
    except VerifyError as exc:
        miss(store, asked, outcome=exc.outcome, reason=str(exc))
        raise


def _unpacked(answer: bytes) -> bytes:
    try:
        return limits.unpack(answer)
    except limits.LimitError as exc:
        raise VerifyError(str(exc)) from exc


def miss(store: Store, asked: Asked, *, outcome: str, reason: str) -> None:
    """Say why the attempt brought no bundle; ``reason`` may hold a host's words."""
    told = limits.show(reason, limit=roster.MAX_REASON - 1)
    with store.write() as connection:
        roster.end_attempt(connection, asked.name, outcome=outcome, reason=told, at=now())


def withdraw(store: Store, asked: Asked) -> None:
    """The host was not asked after all; another transport will."""
    with store.write() as connection:
        roster.withdraw_attempt(connection, asked.name)
