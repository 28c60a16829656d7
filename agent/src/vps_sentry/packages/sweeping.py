# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at the files packages brought: some by their stat records, some by their content."""

from __future__ import annotations

import os
from typing import Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Tuple

from ..errors import CollectError
from ..tick import sweep
from . import contents, parts
from .contents import Expected
from .index import Index, Part, Slice
from .source import Source

MISSING, NO_FILE = "missing", "no file"
"""Instead of a SHA-256."""
_GONE = 20_000
"""Paths kept of what packages have no more; an upgrade drops a handful."""


class Terms(NamedTuple):
    """What a look may spend. Times are seconds; ``now`` since the epoch, ``clock`` the index's."""

    now: int
    clock: int
    run: int
    """Number of this run."""
    budget: int
    """Bytes of content to read."""
    full: bool
    expired: Callable[[], bool]
    left_out: Callable[[bytes], bool]
    opened: Callable[[bytes], bytes]
    """How a place is opened: as it is on a running system, within its folder on a mounted disk."""
    root: int
    """Letters of that folder, 0 on a running system."""


class Swept(NamedTuple):
    """What became of the parts, and what is not as it should be."""

    slices: Tuple[Slice, ...]
    waiting: Tuple[Tuple[object, ...], ...]
    wrong: Dict[bytes, Tuple[str, str]]
    gone: Dict[str, Tuple[bytes, ...]]
    bytes_read: int
    oldest: int
    """When the part looked at longest ago was looked at, of the index's clock."""


class Sweep:
    """One look. ``lists``: package -> digest of its lists now."""

    def __init__(self, source: Source, before: Tuple[Index, Tuple[Slice, ...]], terms: Terms) -> None:
        self._source, self._terms = source, terms
        index, slices = before
        self.wrong = dict(index.wrong)
        self.gone = dict(index.gone)
        self._seen = {key: str(value.get("lists", "")) for key, value in index.items.items()}
        done = max(0, terms.run - index.run - 1)
        when = {number: _between(index.clock, terms.clock, (number + 1, done + 1)) for number in range(len(slices))}
        self._hand = parts.take_up(slices, index.waiting, done=done, when=when)
        self._bytes = 0
        self._expected: Tuple[str, Dict[bytes, Expected]] = ("", {})

    def run(self, lists: Mapping[str, str]) -> Swept:
        """Look at what is due, read what waits, as far as the terms allow."""
        resting, waiting = self._renewed(lists)
        due = {id(part) for part in (*self._hand.due, *self._wrong_ones(resting))}
        kept = [self._looked(part) if id(part) in due else part for part in resting]
        waiting += [part for part in kept if not part.read]
        resting = [part for part in kept if part.read]
        again = self._again(resting)
        resting = [part for part in resting if id(part) not in again]
        waiting += again.values()
        read, waiting = self._read(waiting)
        resting += read
        oldest = min((part.looked for part in (*resting, *waiting)), default=self._terms.clock)
        left = tuple(tuple(part) for part in waiting)
        return Swept(parts.deal(resting), left, self.wrong, self.gone, self._bytes, oldest)

    def _renewed(self, lists: Mapping[str, str]) -> Tuple[List[Part], List[Part]]:
        """The parts of packages whose lists are as they were, and new ones for the others."""
        old = parts.by_package((*self._hand.resting, *self._hand.due))
        pending = parts.by_package(self._hand.waiting)
        resting: List[Part] = []
        waiting: List[Part] = []
        for key, digest in lists.items():
            if self._seen.get(key) == digest and (key in old or key in pending):
                resting += old.get(key, [])
                waiting += pending.get(key, [])
                continue
            places = [place for place, _ in self._contents(key)]
            self._forget(key, (*old.get(key, []), *pending.get(key, [])), kept=places)
            waiting += parts.split(key, places, clock=self._terms.clock)
        for key in {*old, *pending} - set(lists):
            self._forget(key, (*old.get(key, []), *pending.get(key, [])), kept=())
        return resting, waiting

    def _forget(self, key: str, former: Iterable[Part], *, kept: Iterable[bytes]) -> None:
        had = {place for part in former for place in part.text.split(b"\n")}
        left = {place[self._terms.root :] for place in had.difference(kept)}
        if left and sum(map(len, self.gone.values())) < _GONE:
            self.gone[key] = tuple(sorted(left.union(self.gone.get(key, ()))))
        self.wrong = {place: found for place, found in self.wrong.items() if found[0] != key}

    def _wrong_ones(self, resting: Iterable[Part]) -> Iterator[Part]:
        """What is wrong is looked at each time, so that it ends when somebody mends it."""
        packages = {package for package, _ in self.wrong.values()}
        for part in resting:
            if part.key in packages and not self.wrong.keys().isdisjoint(part.text.split(b"\n")):
                yield part

    def _looked(self, part: Part) -> Part:
        moved = sweep.digest(part.text) != part.digest
        return part._replace(looked=self._terms.clock, read=0 if moved else part.read)

    def _again(self, resting: List[Part]) -> Dict[int, Part]:
        terms = self._terms
        if terms.full:
            return {id(part): part for part in resting}
        total = sum(part.size for part in resting)
        share = min(terms.budget, max(total // 24, 1))
        return {id(part): part for part in parts.stale(resting, clock=terms.clock, budget=share)}

    def _read(self, waiting: List[Part]) -> Tuple[List[Part], List[Part]]:
        """Those that could be read, and those for which there was no room or that changed meanwhile."""
        done: List[Part] = []
        left: List[Part] = []
        for part in sorted(waiting, key=parts.urgency):
            if self._bytes >= self._terms.budget or self._terms.expired():
                left.append(part)
                continue
            found = self._one(part)
            (done if found.read else left).append(found)
        return done, left

    def _one(self, part: Part) -> Part:
        before = sweep.digest(part.text)
        settled, size = True, 0
        expected = self._of(part.key)
        for place in part.text.split(b"\n"):
            if place not in expected:
                continue
            found = contents.compare(place, expected[place], now=self._terms.now)
            self.note(place, found, key=part.key)
            settled, size = settled and found.settled, size + found.size
        self._bytes += size
        settled = settled and sweep.digest(part.text) == before
        clock = self._terms.clock
        return Part(part.text, before, part.key, clock, max(clock, 1) if settled else 0, size)

    def note(self, place: bytes, found: contents.Content, *, key: str) -> None:
        """Remember what a file turned out to be."""
        missing = found.verdict == contents.MISSING
        if found.verdict == contents.DIFFERS or (missing and not self._terms.left_out(place[self._terms.root :])):
            self.wrong[place] = (key, found.sha256 or (MISSING if missing else NO_FILE))
        elif found.verdict != contents.UNREADABLE:
            self.wrong.pop(place, None)

    def _of(self, key: str) -> Dict[bytes, Expected]:
        if self._expected[0] != key:
            self._expected = (key, dict(self._contents(key)))
        return self._expected[1]

    def _contents(self, key: str) -> List[Tuple[bytes, Expected]]:
        try:
            found = self._source.contents(key)
            return [(self._terms.opened(os.path.normpath(place)), expected) for place, expected in found]
        except (CollectError, ValueError, OSError):
            # The digest of its lists says so, and that is an item.
            return []


def _between(start: int, end: int, share: Tuple[int, int]) -> int:
    return start + (end - start) * share[0] // share[1]
