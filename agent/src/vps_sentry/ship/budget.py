# SPDX-License-Identifier: GPL-3.0-or-later
"""At most ten messages an hour to a sink: some as they come, what is more folded into one each half hour."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, Iterable, List, Optional, Tuple

from .. import outbox
from ..core import canonical, codec, digest
from ..core.model import Alert
from ..errors import StoreError
from ..outbox import Entry
from ..store import Store

HOUR = 3600
SINGLES = 8
"""Messages of their own within any hour."""
FOLD_EVERY = 1800
"""Seconds between two folded ones: two within any hour, and nothing waits until it counts as stuck."""
FILE = "acks/.sent"
"""Begins with a dot, so it is no ack."""
_LIMIT = 64 * 1024


@dataclass(frozen=True)
class _Sent:
    """Seconds since the epoch of what a sink took."""

    singles: Tuple[int, ...] = ()
    folded: int = 0


@dataclass(frozen=True)
class _Document:
    schema: int
    sinks: Dict[str, _Sent]


def urgent(entry: Entry) -> bool:
    """Whether an entry goes whatever the budget says: criticals, acceptances (told before what they end), tests."""
    return entry.severity == "critical" or entry.kind != "alerts"


class Budget:
    """What each sink was sent within the last hour. Kept by the ship user, who can only cheat itself with it."""

    def __init__(self, store: Store, *, now: int) -> None:
        self._store = store
        self._sinks = {name: _recent(sent, now) for name, sent in _load(store).items()}

    def free(self, sink: str) -> bool:
        """Whether one more message of its own may go."""
        return len(self._of(sink).singles) < SINGLES

    def next_fold(self, sink: str) -> int:
        """When what is too much may go as one message, seconds since the epoch; 0 is at once."""
        folded = self._of(sink).folded
        return folded + FOLD_EVERY if folded else 0

    def count(self, sink: str, *, now: int, folded: bool = False) -> None:
        """A message has gone. Raises StoreError where that cannot be kept."""
        sent = self._of(sink)
        self._sinks[sink] = replace(sent, folded=now) if folded else replace(sent, singles=(*sent.singles, now))
        document = _Document(outbox.SCHEMA, self._sinks)
        self._store.write(FILE, canonical.dumps(codec.encode(document)) + b"\n", mode=0o644)

    def _of(self, sink: str) -> _Sent:
        return self._sinks.get(sink, _Sent())


def _load(store: Store) -> Dict[str, _Sent]:
    """What was kept; a file that is missing or damaged counts for nothing."""
    try:
        return codec.decode(_Document, canonical.loads(store.read_foreign(FILE, limit=_LIMIT))).sinks
    except (StoreError, canonical.CanonicalError, codec.CodecError):
        return {}


def _recent(sent: _Sent, now: int) -> _Sent:
    """Without what is over, and without what a clock set back puts into the future."""
    singles = tuple(at for at in sent.singles if now - HOUR < at <= now)
    return _Sent(singles, sent.folded if now - FOLD_EVERY < sent.folded <= now else 0)


def fold(entries: Iterable[Entry]) -> Optional[Entry]:
    """Several entries as one that says how many; None when there is none. What does not fit is counted exactly.

    The difference from the baseline is that of the last one: each holds all of it as it was then.
    """
    last: Optional[Entry] = None
    ids: List[str] = []
    alerts: List[Alert] = []
    room = outbox.CONTENT_LIMIT
    left, told = {"alerts": 0, "diff": 0}, 0
    for entry in entries:
        last = entry
        ids.append(entry.id)
        told += len(entry.alerts) + entry.left_out.get("alerts", 0)
        left["alerts"] += entry.left_out.get("alerts", 0)
        # Not more at once in memory than one entry may hold.
        room -= len(canonical.dumps(codec.encode(entry.alerts)))
        if room > 0:
            alerts += entry.alerts
        else:
            left["alerts"] += len(entry.alerts)
    if last is None:
        return None
    left["diff"] = last.left_out.get("diff", 0)
    messages = "1 more message" if len(ids) == 1 else f"{len(ids)} more messages"
    count = "1 alert" if told == 1 else f"{told} alerts"
    note = f"and {messages} of this host in one ({count}): at most {SINGLES} an hour are sent singly"
    key = digest.digest(ids).split(":", 1)[1][:32]
    return replace(last, id=key, alerts=tuple(alerts), note=note, left_out=left)
