# SPDX-License-Identifier: GPL-3.0-or-later
"""Handing one host its order, and what its answer means: a host's word, bounded and typed, never believed."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any, List, Optional, Tuple

from ..limits import show
from ..moment import now
from ..store import Store
from . import ledger
from .ledger import Row, State

ANSWER = 64 * 1024
"""Bytes of an answer that are read."""
_REASONS = 5
_DONE = ("accepted", "already", "rolled-back")
_SAID = "the host says so; its next bundle has to show it"


@dataclass(frozen=True)
class Handed:
    """An order on its way to its host."""

    row: Row
    order: bytes


def command(agent: str) -> str:
    """What is run on the host; the order comes on its standard input."""
    return f"{shlex.quote(agent)} apply-acceptance - | head -c {ANSWER}"


def take_up(store: Store, host: str) -> Optional[Handed]:
    """What ``host`` has to be handed now; None when there is nothing, or its plan's canaries have to go first."""
    with store.read() as connection:
        if not ledger.has_open(connection, host):
            return None
    with store.write() as connection:
        ledger.expire(connection, at=now())
        found = ledger.waiting(connection, host, at=now())
        if found is None:
            return None
        row, order = found
        ahead = [] if row.canary else ledger.canaries_ahead(connection, row.plan_id)
        if ahead:
            reason = f"waits until {', '.join(one.host for one in ahead[:5])} hold it and show it"
            ledger.settle(connection, row, state="pending", reason=reason, at=now())
            return None
    return Handed(row, order)


def answered(store: Store, handed: Handed, *, text: str) -> Tuple[State, str]:
    """Record what the host said; the state and the reason."""
    state, reason = verdict(text)
    return _settle(store, handed, state, reason=reason)


def missed(store: Store, handed: Handed, *, reason: str) -> Tuple[State, str]:
    """Record that the host could not be asked; it is asked again at the next collect until the plan expires."""
    return _settle(store, handed, "pending", reason=f"not reached: {show(reason, limit=300)}")


def _settle(store: Store, handed: Handed, state: State, *, reason: str) -> Tuple[State, str]:
    with store.write() as connection:
        ledger.settle(connection, handed.row, state=state, reason=reason, at=now())
    return state, reason


def verdict(text: str) -> Tuple[State, str]:
    """What an answer means. Whatever is no answer leaves the order pending: the host may not have understood it."""
    document = _document(text)
    outcome = document.get("outcome")
    if outcome in _DONE:
        return "accepted", _SAID
    if outcome in ("stale", "refused"):
        state: State = "stale" if outcome == "stale" else "refused"
        return state, _reasons(document.get("refusals"))
    said = show(" ".join(text.split()), limit=200)
    return "pending", f"its answer cannot be understood: {said or 'it said nothing'}"


def _document(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text[:ANSWER])
    except (ValueError, RecursionError):
        return {}
    return found if type(found) is dict else {}


def _reasons(found: object) -> str:
    reasons: List[str] = [show(one, limit=200) for one in found if type(one) is str] if type(found) is list else []
    more = f" and {len(reasons) - _REASONS} more" if len(reasons) > _REASONS else ""
    return "; ".join(reasons[:_REASONS]) + more or "it gave no reason"
