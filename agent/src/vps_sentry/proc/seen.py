# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening sockets and their owners -> items, and what the next run has to know about them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import AbstractSet, Any, Dict, Iterable, List, Mapping, Set, Tuple

from ..core.model import Signal, Value
from . import addresses, rating
from .expected import PortRange
from .keys import NOT_CHECKED, PACKET, Key, parse
from .listeners import Listener
from .owners import Owner

Holding = Tuple[str, str, str, str]
"""Item key, exe, unit, user."""
First = Dict[str, List[Dict[str, str]]]
"""Item key -> who held an announced port first, for as long as nobody accepted it."""
_TAKEOVER_STANDS = 24 * 3600
_FIRST_KEPT = 4096


@dataclass(frozen=True)
class Before:
    """What the run before left: who held passing sockets then, and which of them a quiet tick has noted since."""

    holdings: AbstractSet[Holding] = frozenset()
    noted: AbstractSet[str] = frozenset()
    first: Mapping[str, List[Dict[str, str]]] = field(default_factory=dict)

    @classmethod
    def recall(cls, memory: Mapping[str, Any], *, noted: AbstractSet[str]) -> Before:
        """From this check's memory, empty at first."""
        holdings = {(key, exe, unit, user) for key, exe, unit, user in memory.get("ephemeral", [])}
        return cls(holdings, noted, memory.get("first", {}))


@dataclass(frozen=True)
class Counted:
    """The items, and of the passing sockets: who holds them, notes of those that count and of those that wait."""

    items: Mapping[str, Value]
    passing: AbstractSet[Holding]
    known: AbstractSet[str]
    waiting: AbstractSet[str]

    @property
    def settled(self) -> bool:
        """Whether the stamp can tell all that may change: not while only some holders of a socket count."""
        return not self.known & self.waiting


def count(found: Iterable[Listener], held: Mapping[int, Set[Owner]], *, before: Before) -> Counted:
    """What is listening as items. A passing socket counts once the same owner holds it in two runs.

    ``held`` has the owners of every inode in ``found``. A note of the last, quiet tick stands for its holder.
    """
    bound: Dict[str, Set[str]] = {}
    holders: Dict[str, Set[Owner]] = {}
    passing: Set[Holding] = set()
    known: Set[str] = set()
    waiting: Set[str] = set()
    for entry in found:
        address = addresses.unwrap(entry.address)
        key = str(Key(entry.protocol, entry.port, _bind(entry, address), entry.space))
        now = set(held[entry.inode])
        if entry.note:
            holdings = {(key, owner.exe, owner.unit, owner.user) for owner in now}
            passing |= holdings
            if entry.note not in before.noted:
                now = {Owner(*holding[1:]) for holding in holdings & before.holdings}
            # Where only some of the holders count, the note is in both.
            known |= {entry.note} if now else set()
            waiting |= {entry.note} if len(now) < len(holdings) else set()
        if now:
            bound.setdefault(key, set()).add(addresses.text(address))
            holders.setdefault(key, set()).update(now)
    items = {key: _value(key, bound[key], holders[key]) for key in sorted(bound)}
    return Counted(items, passing, known, waiting)


def _bind(entry: Listener, address: bytes) -> str:
    return "wire" if entry.protocol == PACKET else addresses.classify(address)


def _value(key: str, bound: Set[str], holders: Set[Owner]) -> Value:
    bind = parse(key).bind
    return {
        "bind": bind,
        # Public and private addresses are each host's own: hosts are compared by the class alone.
        "addresses": sorted(bound) if bind in ("wildcard", "loopback") else [],
        "owners": [{"exe": owner.exe, "unit": owner.unit, "user": owner.user} for owner in sorted(holders)],
    }


def first_owners(
    items: Mapping[str, Value],
    before: Mapping[str, List[Dict[str, str]]],
    *,
    announced: List[PortRange],
    accepted: Mapping[str, Value],
) -> First:
    """Who held each announced port first. An acceptance takes over; an entry that names its program needs none.

    A closed port keeps its first owner, so that closing it for a tick is no way to change hands.
    """
    first: First = {}
    # Those that are open now before those that were: whoever opens and closes ports all day displaces nobody.
    for key in [*sorted(items), *sorted(set(before) - set(items))]:
        if key not in accepted and not key.startswith(NOT_CHECKED) and _is_announced(key, announced):
            owners = before.get(key) or [dict(owner) for owner in rating.holders(items.get(key))]
            first[key] = owners
    return dict(list(first.items())[:_FIRST_KEPT])


def _is_announced(key: str, announced: List[PortRange]) -> bool:
    return any(entry.exe is None and entry.includes(parse(key)) for entry in announced)


def takeovers(items: Mapping[str, Value], first: First, *, now: int) -> Tuple[Signal, ...]:
    """Announced ports that somebody else holds than held them first."""
    found: List[Signal] = []
    for key, before in first.items():
        now_held = items.get(key)
        if rating.strangers({"owners": before}, now_held):
            rated = rating.taken_over(parse(key), before=list(before), after=rating.holders(now_held))
            found.append(
                Signal(
                    code="port_owner_changed",
                    key=key,
                    severity=rated.severity,
                    title=rated.title,
                    detail="the configuration announces the port, not who may take it over; accept it to make it known",
                    seen=now,
                    until=now + _TAKEOVER_STANDS,
                )
            )
    return tuple(found)
