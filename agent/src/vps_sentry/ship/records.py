# SPDX-License-Identifier: GPL-3.0-or-later
"""What is recorded about the entries of one pass: the acks, and which sinks are left in peace."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Dict, Iterable, Mapping

from .. import outbox
from ..errors import ShipError, StoreError
from ..outbox import Ack
from ..sinks import DeliveryError
from ..store import Store

ERROR_LIMIT = 1000
LONGEST_WAIT = 3600
_FIRST_WAIT = 80


def wait(attempts: int, identity: str) -> int:
    """Seconds until the next try: 60 s doubling up to 1 h, spread by the entry's id so that hosts do not chime."""
    base = min(_FIRST_WAIT << min(attempts - 1, 10), LONGEST_WAIT)
    return base - base * int(identity[:4], 16) // (4 * 0x10000)


class Records:
    """The acks by name of their entry. ``damaged`` holds what was wrong with those that could not be read."""

    def __init__(self, store: Store, names: Iterable[str]) -> None:
        self._store = store
        self.damaged: Dict[str, str] = {}
        self.acks = {name: self._load(name) for name in names}
        self._held: Dict[str, int] = {}
        for ack in self.acks.values():
            self._hold({} if ack.done else ack.held)

    def _load(self, name: str) -> Ack:
        if not os.path.lexists(os.path.join(self._store.path, "acks", name)):
            return Ack(id="", entry=name)
        try:
            # Root may run a pass as well, so what the ship user left is not opened blindly.
            return outbox.decode_ack(self._store.read_foreign(f"acks/{name}", limit=outbox.ACK_LIMIT), name=name)
        except StoreError as exc:
            self.damaged[name] = str(exc)
            return Ack(id="", entry=name)

    def write(self, ack: Ack) -> None:
        """Keep an ack. Raises StoreError."""
        self.acks[ack.entry] = ack
        # Readable by all: a pass run by root must not lock the ship user out of its own records.
        self._store.write(f"acks/{ack.entry}", outbox.encode_ack(ack), mode=0o644)

    def held_until(self, sink: str) -> int:
        """Until when a sink is left in peace, seconds since the epoch; 0 when it is not."""
        return self._held.get(sink, 0)

    def hold(self, failures: Mapping[str, ShipError], ack: Ack, *, now: int) -> Dict[str, int]:
        """Leave the sinks in peace that would refuse every message, and say until when."""
        held = {sink: now + _hold_seconds(error, ack) for sink, error in failures.items() if _whole_sink(error)}
        self._hold(held)
        return held

    def _hold(self, held: Mapping[str, int]) -> None:
        for sink, until in held.items():
            self._held[sink] = max(until, self._held.get(sink, 0))

    def delivered(self, name: str, sink: str, *, wanted: Iterable[str]) -> None:
        """A sink took the entry as part of a message of several."""
        ack = self.acks[name]
        ack = replace(ack, delivered=(*ack.delivered, sink))
        done = set(wanted) <= set(ack.delivered)
        self.write(replace(ack, done=done, reason="sent" if done else ack.reason, next_try=0 if done else ack.next_try))

    def postpone(self, name: str, until: int) -> None:
        """Nothing more is tried for the entry before ``until``, unless another sink wants it sooner."""
        ack = self.acks[name]
        if ack.reason in ("nothing-to-ship", "backoff"):
            self.write(replace(ack, next_try=until, reason="backoff"))


def _whole_sink(error: ShipError) -> bool:
    return not isinstance(error, DeliveryError) or error.whole_sink


def _hold_seconds(error: ShipError, ack: Ack) -> int:
    """How long a sink is left in peace; a local defect is looked at again as soon as the next pass."""
    if not isinstance(error, DeliveryError):
        return 1
    return error.retry_after or wait(max(ack.attempts, 1), ack.id)
