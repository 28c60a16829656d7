# SPDX-License-Identifier: GPL-3.0-or-later
"""What still has to be shipped, and what came of it: outbox entries and acks as bytes (docs/contracts.md section 8)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Dict, Iterable, List, Literal, Tuple, Type, TypeVar

from .core import canonical, codec
from .core.model import Alert, Severity
from .errors import StoreError

SCHEMA = 1
CONTENT_LIMIT = 8 * 1024 * 1024
"""Bytes of alerts and diff that one entry carries, and of its attachment."""
Kind = Literal["alerts", "acceptance", "test"]
Reason = Literal[
    "sent",
    "missing-config",
    "duplicate-ts",
    "test-only",
    "webhook-parse-failure",
    "upload-failure",
    "nothing-to-ship",
    "backoff",
]
ACK_LIMIT = 64 * 1024
"""Bytes of an ack; a larger one is none."""
_ID = re.compile(r"[0-9a-f]{16,64}", re.ASCII)
_RANK = {"critical": 1, "warning": 2, "info": 3}
_MARGIN = 256
T = TypeVar("T", "Entry", "Ack")


@dataclass(frozen=True)
class Entry:
    """One message to be told to every sink."""

    id: str
    """Idempotency key, 16 to 64 lower-case hex digits: never used for two different messages."""
    host: str
    time: str
    """RFC 3339 UTC time of the report."""
    created: int
    """Seconds since the epoch."""
    kind: Kind
    severity: Severity
    """Of the worst alert."""
    alerts: Tuple[Alert, ...]
    diff: Any
    """``{changes, more}`` as in ``diff.json``, or any other JSON."""
    note: str = ""
    left_out: Dict[str, int] = field(default_factory=dict)
    """What did not fit, exactly: how many ``alerts``, how many entries of the ``diff``."""
    former: bool = False
    """Told to the sinks of the configuration accepted last as well: the one in force tells other people."""


@dataclass(frozen=True)
class Ack:
    """What came of one entry so far. Written by the ship user, so the agent believes none of it unchecked."""

    id: str
    """Empty when the entry could not be read."""
    entry: str
    """File name of the entry, and of this ack."""
    delivered: Tuple[str, ...] = ()
    """Sinks that took it."""
    attempts: int = 0
    next_try: int = 0
    """Seconds since the epoch before which nothing more is tried."""
    reason: Reason = "nothing-to-ship"
    error: str = ""
    """The failures of the last attempt, for people; host names, never URLs."""
    done: bool = False
    """Nothing is left to do: the agent may remove entry and ack."""
    held: Dict[str, int] = field(default_factory=dict)
    """Sinks that refused in a way every message would meet, and until when they are left in peace."""


def file_name(entry: Entry) -> str:
    """Name of the entry's file. Sorted by name, acceptances come first, then criticals, then by time.

    An acceptance leads because it is told before anything it resolves.
    """
    rank = 0 if entry.kind == "acceptance" else _RANK[entry.severity]
    return f"{rank}-{entry.created:010d}-{entry.id[:16]}.json"


def created(name: str) -> int:
    """When the entry in the file of this name was made, seconds since the epoch; 0 where the name is none of ours."""
    time = name.split("-")[1:2]
    return int(time[0]) if time and time[0].isdecimal() else 0


def encode_entry(entry: Entry) -> bytes:
    """The entry's file. Content beyond the limit is left out and counted. Raises ValueError on a bad id."""
    if not _ID.fullmatch(entry.id):
        raise ValueError(f"outbox id {entry.id!r} is not 16 to 64 lower-case hex digits")
    return canonical.dumps(codec.encode(fit(entry, CONTENT_LIMIT))) + b"\n"


def decode_entry(data: bytes, *, name: str) -> Entry:
    """The entry in the file ``name``. Raises StoreError naming the file, the defect and the remedy."""
    entry = _decode(Entry, data, f"outbox/{name}")
    if not _ID.fullmatch(entry.id) or file_name(entry) != name:
        raise _damaged(f"outbox/{name}", f"it does not belong under this name (id {entry.id[:64]!r})")
    return entry


def encode_ack(ack: Ack) -> bytes:
    """The ack's file."""
    return canonical.dumps(codec.encode(ack)) + b"\n"


def decode_ack(data: bytes, *, name: str) -> Ack:
    """The ack in the file ``name``. Raises StoreError naming the file, the defect and the remedy."""
    ack = _decode(Ack, data, f"acks/{name}")
    if ack.entry != name:
        raise _damaged(f"acks/{name}", f"it speaks of {ack.entry[:64]!r}")
    return ack


def _decode(kind: Type[T], data: bytes, place: str) -> T:
    try:
        return codec.decode(kind, canonical.loads(data))
    except (canonical.CanonicalError, codec.CodecError) as exc:
        raise _damaged(place, str(exc)) from exc


def _damaged(place: str, problem: str) -> StoreError:
    return StoreError(
        f"{place} is damaged: {problem}; it is kept: look at it, then move it out of its folder (its report stays in "
        "last.json)"
    )


def attachment(entry: Entry) -> bytes:
    """What goes with a message: canonical JSON of alerts and diff, at most 8 MiB, with exact counts of the rest."""
    fitted = codec.encode(fit(entry, CONTENT_LIMIT - _MARGIN))
    names = ("id", "host", "time", "kind", "note", "alerts", "diff", "left_out")
    return canonical.dumps({"schema": SCHEMA, **{name: fitted[name] for name in names}})


def fit(entry: Entry, limit: int) -> Entry:
    """The entry within ``limit`` bytes: first alerts, then the diff, cut from the end and counted exactly."""
    if _size(entry) <= limit:
        return entry
    bare = replace(entry, alerts=(), diff=None)
    room = limit - _size(bare) - _MARGIN
    if room < 0:
        raise ValueError(f"outbox entry {entry.id} has no room for its alerts: its note is too long")
    kept = _prefix(entry.alerts, room)
    alerts = entry.alerts[:kept]
    diff, dropped = _cut(entry.diff, room - sum(map(_step, alerts)))
    counts = {"alerts": len(entry.alerts) - kept, "diff": dropped}
    total = {name: entry.left_out.get(name, 0) + count for name, count in counts.items()}
    return replace(bare, alerts=alerts, diff=diff, left_out={**entry.left_out, **total})


def _cut(diff: Any, room: int) -> Tuple[Any, int]:
    """The part of ``diff`` that fits, and how many of its entries do not. What is no list is one entry."""
    if _step(diff) <= room:
        return diff, 0
    if type(diff) is not dict or type(diff.get("changes")) is not list:
        return None, 1
    changes: List[Any] = diff["changes"]
    bare = {**diff, "changes": []}
    if _size(bare) > _MARGIN // 2:
        return None, len(changes)
    kept = _prefix(changes, room - _step(bare) - _MARGIN)
    dropped = len(changes) - kept
    return {**bare, "changes": changes[:kept], "more": diff.get("more", 0) + dropped}, dropped


def _prefix(entries: Iterable[Any], room: int) -> int:
    kept = 0
    for entry in entries:
        room -= _step(entry)
        if room < 0:
            break
        kept += 1
    return kept


def _step(value: Any) -> int:
    """Bytes that one entry of a list takes, its comma included."""
    return _size(value) + 1


def _size(value: Any) -> int:
    return len(canonical.dumps(codec.encode(value)))
