# SPDX-License-Identifier: GPL-3.0-or-later
"""One look of the check ``packages``: inventory, sweep over the files, vouchers; in this order, each from the last."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Tuple

from ..core.canonical import escape
from ..core.model import Change, Observation, Severity, Signal, Value, Voucher
from ..host import Host
from ..tick.sweep import SLICES
from . import archives, dpkg, excluded, index, origins, parts, pending, running, sweeping, unexplained
from .index import Index
from .origins import Origins
from .source import DpkgSource, Entry, RpmSource, Source
from .sweeping import Sweep, Swept
from .versions import later_deb, later_rpm
from .vouching import Known, Vouching

_STANDS = 24 * 3600
_MOST = 512 * 1024 * 1024
"""Bytes read in one look, whatever an hour would take."""


_ASKED = 50
"""Files that differ and that each tick asks for; of more the sweep tells within the hour that they were mended."""


class Terms(NamedTuple):
    """What a look may spend, and what it is told."""

    now: int
    """Seconds since the epoch."""
    uptime: int
    """Seconds since boot, suspension left out."""
    run: int
    budget: int
    """Bytes of content to read."""
    full: bool
    expired: Callable[[], bool]
    state: str
    """The state directory, for the stamp."""
    stands: Callable[[str, str], bool]
    """Whether an item of another check is there and as accepted."""


class Look:
    """One look; ``cache`` is what the last one left, ``accepted`` the items of the baseline."""

    def __init__(self, host: Host, cache: bytes, accepted: Mapping[str, Value], *, terms: Terms) -> None:
        self._host, self._accepted, self._terms = host, accepted, terms
        self._before, self._slices = index.load(cache)
        before, uptime = self._before, terms.uptime
        # Time while the machine was up, over all reboots, so that setting the clock hides nothing.
        self._clock = before.clock + (uptime - before.uptime if uptime >= before.uptime else uptime)
        self._root = 0 if host.live else len(os.fsencode(host.root))
        self._source: Source
        if dpkg.present(host):
            self._source = DpkgSource(host, before.info, now=terms.now)
        else:
            self._source = RpmSource(host)

    def observe(self, changes: Tuple[Change, ...]) -> Observation:
        """The whole look. Raises CollectError for a database that cannot be read."""
        since = pending.since(self._host, self._before, clock=self._clock)
        if since and self._clock - since < running.LONGEST:
            return self._waiting(since, changes)
        entries = self._source.entries()
        items = {**self._source.extras(), **self._keyrings()}
        found = self._origins(entries, items)
        entries = [self._with_origin(entry, found) for entry in entries]
        items.update((entry.key, entry.value) for entry in entries)
        sweep = Sweep(self._source, (self._before, self._slices), self._sweep_terms(entries))
        swept = sweep.run({entry.key: entry.lists for entry in entries})
        gone = {
            key: places for key, places in swept.gone.items() if self._accepted.get(key) not in (None, items.get(key))
        }
        known = self._known(entries, found, gone=gone, note=sweep.note)
        vouching = Vouching(known) if self._accepted else None
        vouchers = tuple(vouching.vouchers(changes)) if vouching else ()
        unexplained.compare(known, changes, vouchers=vouchers)
        kept = self._index(items, found, gone=gone, swept=swept)
        derived = vouching.derived if vouching else {}
        kept = kept._replace(wrong=sweep.wrong, derived=derived, pending=since)
        return self._observation(kept, swept, vouchers=vouchers)

    def _keyrings(self) -> Dict[str, Value]:
        rpm = isinstance(self._source, RpmSource)
        return origins.keyrings(self._host, folders=(origins.RPM_KEYS,) if rpm else archives.KEYRINGS)

    def _origins(self, entries: List[Entry], items: Mapping[str, Value]) -> Origins:
        keys = origins.believed(items, self._accepted)
        if isinstance(self._source, RpmSource):
            return origins.by_signature(self._host, entries, before=self._before, source=self._source, keys=keys)
        return origins.by_lists(self._host, entries, before=self._before, keys=keys, clock=self._clock)

    def _with_origin(self, entry: Entry, found: Origins) -> Entry:
        """The entry with what was found out about its version in its item."""
        record = found.records[entry.key]
        accepted = self._accepted.get(entry.key, {})
        same = accepted.get("version") == entry.version
        value = dict(entry.value)
        # What was known when it was accepted stands, though the memory of it may be lost.
        if record.origin == index.LOCAL or (same and record.origin == index.UNKNOWN and "local" in accepted):
            value["local"] = True
        if record.lists != entry.lists or (same and accepted.get("lists") == entry.lists and "edited" in accepted):
            value["edited"] = True
        return entry._replace(value=value)

    def _sweep_terms(self, entries: List[Entry]) -> sweeping.Terms:
        terms = self._terms
        # Within an hour everything has been read for the first time, unless there is very much.
        hour = sum(entry.size for entry in entries) // SLICES
        return sweeping.Terms(
            now=terms.now,
            clock=self._clock,
            run=terms.run,
            budget=max(terms.budget, min(hour, _MOST)),
            full=terms.full,
            expired=terms.expired,
            left_out=excluded.left_out(self._host),
            opened=self._opened,
            root=self._root,
        )

    def _opened(self, place: bytes) -> bytes:
        """How a place is opened: as it is on a running system, within its folder on a mounted disk."""
        return place if self._host.live else self._host.locate(place)

    def _known(
        self, entries: List[Entry], found: Origins, *, gone: Mapping[str, Tuple[bytes, ...]], note: Callable[..., None]
    ) -> Known:
        return Known(
            host=self._host,
            source=self._source,
            entries={entry.key: entry for entry in entries},
            accepted=self._accepted,
            records=found.records,
            gone=gone,
            remembered=self._before.derived,
            later=later_rpm if isinstance(self._source, RpmSource) else later_deb,
            clock=self._clock,
            now=self._terms.now,
            stands=self._terms.stands,
            opened=self._opened,
            found=note,
        )

    def _index(
        self, items: Dict[str, Value], found: Origins, *, gone: Dict[str, Tuple[bytes, ...]], swept: Swept
    ) -> Index:
        return Index(
            records=found.records,
            info=self._source.info if isinstance(self._source, DpkgSource) else {},
            known=found.known,
            lists=found.lists,
            gone=gone,
            waiting=swept.waiting,
            clock=self._clock,
            uptime=self._terms.uptime,
            run=self._terms.run,
            items=items,
        )

    def _waiting(self, since: int, changes: Tuple[Change, ...]) -> Observation:
        """While the package manager is at work: what was seen before it began, and what is not judged yet."""
        kept = self._before._replace(clock=self._clock, uptime=self._terms.uptime, run=self._terms.run, pending=since)
        vouchers = tuple(pending.vouchers(self._host, changes))
        resting = [index.Part(*values) for content in self._slices for values in content]
        oldest = min((part.looked for part in resting), default=self._clock)
        swept = Swept(parts.deal(resting), kept.waiting, kept.wrong, kept.gone, 0, oldest)
        return self._observation(kept, swept, vouchers=vouchers)

    def _observation(self, kept: Index, swept: Swept, *, vouchers: Tuple[Voucher, ...]) -> Observation:
        unread = sum(parts.weight(index.Part(*values)) for values in kept.waiting)
        notes = [kept.lists[1], f"{unread:,} files not compared yet" if unread else ""]
        age = max(0, self._clock - swept.oldest)
        memory: Dict[str, Any] = {
            "unsettled": bool(kept.waiting or kept.pending),
            "bytes_hashed": swept.bytes_read,
            "oldest_look": age,
            "run": self._terms.run,
            "state": escape(os.fsencode(self._terms.state)),
            "wrong": sorted(map(escape, kept.wrong))[:_ASKED],
        }
        return Observation(
            "ok",
            {**kept.items, **self._wrong(kept)},
            error="; ".join(note for note in notes if note) or None,
            signals=tuple(self._signals(kept, age)),
            # What is still to be read is not known to be right again.
            blind=("/",) if unread or kept.pending else (),
            memory=memory,
            cache=index.dump(kept, swept.slices),
            vouchers=vouchers,
        )

    def _wrong(self, kept: Index) -> Dict[str, Value]:
        """An item for each file that is not as its package says."""
        found: Dict[str, Value] = {}
        for place, (package, what) in kept.wrong.items():
            path = escape(place[self._root :])
            value: Value = {"package": package, "source": path}
            if what in (sweeping.MISSING, sweeping.NO_FILE):
                value["problem"] = what
            else:
                value.update(problem="differs", sha256=what)
            found[path] = value
        return found

    def _signals(self, kept: Index, age: int) -> Iterator[Signal]:
        now = self._terms.now
        if age > parts.LATE and not kept.pending:
            title = f"files that packages brought were last looked at {age // 3600} hours ago, not within the hour"
            detail = f"{len(kept.waiting)} groups of files wait to be read"
            yield Signal("package_sweep_overdue", "sweep", "warning", title, detail, now, now + _STANDS)
        if kept.pending:
            minutes = (self._clock - kept.pending) // 60
            patience = minutes * 60 < running.LONGEST
            title = f"the package manager has been at work for {minutes} minutes"
            detail = "what it changes is judged when it is done" if patience else "nothing waits for it any more"
            severity: Severity = "info" if patience else "warning"
            yield Signal("package_manager_busy", "lock", severity, title, detail, now, now + running.LONGEST)
