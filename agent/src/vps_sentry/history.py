# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of acceptances: done, refused and proposed ones, one file each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Optional, Tuple

from .accept import Kind, Outcome
from .core import codec, digest
from .core.clock import rfc3339
from .core.model import Alert
from .errors import StoreError
from .lifecycle import Silence
from .store import Store

SCHEMA = 1


@dataclass(frozen=True)
class Entry:
    """One acceptance. ``counts`` are added, changed, removed; ``critical`` names the critical items."""

    schema: int
    kind: Kind
    time: str
    sequence: int
    by: str
    reason: str
    plan: str
    counts: Tuple[int, int, int]
    critical: Tuple[str, ...]
    refusals: Tuple[str, ...]
    digest: Optional[str]
    until: str = ""
    """When what was accepted gives way again, RFC 3339 UTC; empty when it holds for good."""
    alert: str = ""
    """Which alert was acknowledged: its id, code and title."""

    def sentence(self, *, names: Optional[int] = None) -> str:
        """The entry for people, in one line; at most ``names`` critical items by name, their number always."""
        if self.kind == "window":
            return f"maintenance window of {self.by}{f' until {self.until}' if self.until else ''}: {self.reason}"
        if self.kind == "acknowledged":
            end = f" until {self.until}" if self.until else " until it changes or ends"
            return f"alert {self.alert} acknowledged by {self.by}{end}: {self.reason}"
        added, changed, removed = self.counts
        what = f"{added:,} added, {changed:,} changed, {removed:,} removed"
        why = f": {self.reason}" if self.reason else ""
        until = f" until {self.until}" if self.until else ""
        shown = ", ".join(self.critical[:names])
        more = len(self.critical) - len(self.critical[:names])
        rest = f" and {more} more" if more else ""
        critical = f"; {len(self.critical)} critical: {shown}{rest}" if self.critical else ""
        refused = f"; refused because {'; '.join(self.refusals)}" if self.refusals else ""
        return f"baseline #{self.sequence} {self.kind} by {self.by}{until} ({what}){why}{critical}{refused}"


def entry_of(outcome: Outcome, *, by: str, reason: str, now: int, critical: Tuple[str, ...]) -> Entry:
    """The history entry of an outcome."""
    kinds = [change.change for change in outcome.proposal.changes]
    return Entry(
        schema=SCHEMA,
        kind=outcome.kind,
        time=rfc3339(now),
        sequence=outcome.baseline.sequence,
        by=by,
        reason=reason,
        plan=outcome.proposal.plan.name,
        counts=(kinds.count("added"), kinds.count("changed"), kinds.count("removed")),
        critical=critical,
        refusals=outcome.refusals,
        digest=outcome.baseline.digest,
        until=next((t.until for t in outcome.baseline.temporary if t.sequence == outcome.baseline.sequence), ""),
    )


def acknowledgement(alert: Alert, silence: Silence, *, sequence: int) -> Entry:
    """The history entry of an acknowledged alert. A critical one is named as such."""
    name = f"{alert.id} ({alert.code}, {alert.title})"
    return Entry(
        schema=SCHEMA,
        kind="acknowledged",
        time=silence.at,
        sequence=sequence,
        by=silence.by,
        reason=silence.reason,
        plan=f"sha256:{alert.id}",
        counts=(0, 0, 0),
        critical=(name,) if alert.severity == "critical" else (),
        refusals=(),
        digest=None,
        until=rfc3339(silence.until) if silence.until else "",
        alert=name,
    )


def about_window(time: str, *, by: str, text: str, until: str) -> Entry:
    """The history entry of a maintenance window that began or ended."""
    return Entry(
        schema=SCHEMA,
        kind="window",
        time=time,
        sequence=0,
        by=by,
        reason=text,
        plan=digest.digest([time, text]),
        counts=(0, 0, 0),
        critical=(),
        refusals=(),
        digest=None,
        until=until,
    )


def write(store: Store, entry: Entry) -> None:
    """Keep the entry; its name sorts by time and tells the sequence."""
    stamp = entry.time.replace(":", "").replace("-", "")
    store.write_json(f"history/{stamp}-{entry.sequence:08d}-{entry.plan[7:15]}-{entry.kind}.json", codec.encode(entry))


def of_plan(store: Store, plan: str) -> Iterator[Entry]:
    """The entries of one plan, oldest first; a damaged one counts as none, for it proves nothing."""
    for name in store.names("history"):
        if f"-{plan[7:15]}-" not in name:
            continue
        try:
            entry = codec.decode(Entry, store.read_json(f"history/{name}"))
        except (codec.CodecError, StoreError):
            continue
        if entry.plan == plan:
            yield entry


def entries(store: Store) -> Iterator[Entry]:
    """All entries, oldest first. Raises StoreError naming a damaged one."""
    for name in store.names("history"):
        if name.endswith(".baseline.json"):
            continue
        try:
            yield codec.decode(Entry, store.read_json(f"history/{name}"))
        except codec.CodecError as exc:
            raise StoreError(f"{store.path / 'history' / name} is damaged: {exc}") from exc
