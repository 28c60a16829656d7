# SPDX-License-Identifier: GPL-3.0-or-later
"""The full look: one item for each entry of the walk, content read within a budget."""

from __future__ import annotations

import errno
import os
import stat
from typing import Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from ..core.canonical import escape
from ..core.model import Value
from ..tick import tree
from ..tick.rehash import LARGE
from . import attributes, hashing, index, rating, rolling, room
from .entries import Compiled
from .found import Found, Kept, fair
from .sight import sight

_ABSENT = (errno.ENOENT, errno.ENOTDIR)


class Terms(NamedTuple):
    """What a look may spend, and whether it trusts what it remembers."""

    now: int
    """Seconds since the epoch at the start of the run."""
    budget: int
    """Bytes of content to read. Root's own files are read beyond it when everything is looked at."""
    full: bool
    run: int = 1
    """Number of this run; each since the last look has read a slice of its index again."""
    uptime: int = 0
    """Seconds since boot, suspension left out."""
    expired: Callable[[], bool] = lambda: False
    """Whether the time for this look is over."""
    weak: Callable[[bytes], bool] = lambda directory: False
    """Whether a directory lies on a file system whose time stamps prove nothing."""


class Survey:
    """Items and index of one look at all watches."""

    def __init__(self, known: index.Index, terms: Terms, *, accepted: Mapping[str, Value]) -> None:
        self.items: Dict[str, Value] = {}
        """A value that equals the accepted one is that very object: nothing may be written into it."""
        self.unsettled = 0
        """Files to be read again next run: too fresh, changing, or over the budget."""
        self.bytes_hashed = 0
        self.blind: List[str] = []
        """Directories, ending in ``/``, of which not everything was seen."""
        self.unseen: List[str] = []
        """Files whose content differs from what it was although nothing else does."""
        self.clock = rolling.now(known, terms.uptime)
        self._known, due = rolling.progress(known, clock=self.clock, run=terms.run)
        self._due = {place for place, _, _ in due}
        self._terms = terms
        self._accepted = accepted
        # The first look has nothing to compare with: what it left unread would be accepted unread.
        self._everything = terms.full or not self._known
        self._left = terms.budget
        self._letters = 0
        self._records: index.Records = {}
        self._kept: Dict[bytes, Kept] = {}
        self._shares: Dict[rolling.Share, rolling.Share] = {}
        self._waiting: List[bytes] = []
        self._doubted: List[bytes] = []

    def look(self, watch: Compiled, number: int, *, most: int = room.ENTRIES) -> None:
        """Add the entries of one watch, until there are ``most``; what several watches see counts once."""
        seen, opened = watch[:2]
        for directory, descriptor, entries in tree.walk(room.within(watch, most - len(self.items))):
            place = opened + directory[len(seen) :]
            weak = self._terms.weak(directory)
            if self._terms.expired() or self._letters > most * room.LETTERS:
                # As where there are too many: of all that the watch sees it is not known what else there is.
                self._mark(escape(_join(seen, tree.single(watch) or b".")), tree.OVERFLOW)
                return
            for name, found in entries:
                path = _join(directory, name)
                key = escape(path)
                self._letters += len(key)
                if isinstance(found, int):
                    self._mark(key, found)
                elif key not in self.items:
                    # On a live system both are the same, and kept once: there may be very many.
                    opened_as = path if place == directory else _join(place, name)
                    share = (number, found.st_uid)
                    file = Found(path, opened_as, descriptor, found, self._shares.setdefault(share, share))
                    self._add(key, file, how=sight(directory, name), weak=weak)

    def finish(self, random: Callable[[], float]) -> Tuple[index.Index, Tuple[rolling.Round, ...]]:
        """Read the files that had to wait, so that no owner and no watch can use up the share of another.

        Gives the index for the next look, with what the ticks until then read again, and how long that takes.
        """
        for path in fair(self._waiting, self._kept):
            file, key = self._again(path), escape(path)
            if file is None:
                continue
            if self._spend(file.found.st_size):
                self._put(key, self._read(file))
            elif not self._remembered(key, file):
                self._leave_unread(key, file)
        for path in fair(self._doubted, self._kept):
            if self._spend(self._kept[path].size):
                doubted = self._again(path)
                if doubted is not None:
                    self._put(escape(path), self._read(doubted))
        # From here on nothing is looked up any more, and a plan over very many files wants the room.
        self._known, self._waiting, self._doubted = {}, [], []
        plan = rolling.plan(self._contents(), clock=self.clock, budget=self._terms.budget, random=random)
        for path, packed in self._records.items():
            turn = plan.turns.get(self._kept[path].place)
            if turn is not None:
                self._records[path] = index.unpack(packed)._replace(turn=turn).pack()
        self._kept = {}
        found = index.Index(self._records, self.clock, self._terms.uptime, self._terms.run, plan.slices)
        return found, plan.rounds

    def _again(self, path: bytes) -> Optional[Found]:
        """A file that had to wait, as it is by now; its item says if it cannot be reached any more."""
        kept = self._kept[path]
        try:
            return Found(path, kept.place, None, os.lstat(kept.place), kept.share)
        except OSError as exc:
            self._records.pop(path, None)
            self._put(escape(path), {**self.items[escape(path)], "unreadable": exc.strerror})
            return None

    def _contents(self) -> Iterator[rolling.Content]:
        for path, packed in self._records.items():
            record, kept = index.unpack(packed), self._kept[path]
            if kept.size <= self._terms.budget:
                yield rolling.Content(
                    kept.place, kept.size, record.sha256, record.read_at, record.turn, kept.share, kept.urgent
                )

    def _put(self, key: str, value: Value) -> None:
        known = self._accepted.get(key)
        self.items[key] = known if known is not None and known == value else value

    def _mark(self, key: str, problem: int) -> None:
        if problem in (tree.DEEP, tree.OVERFLOW):
            self._put(key, {**self.items.get(key, {}), "truncated": True})
        elif problem not in _ABSENT:
            self._put(key, {**self.items.get(key, {}), "unreadable": os.strerror(problem)})
        else:
            return
        self.blind.append(key.rstrip("/") + "/")

    def _add(self, key: str, file: Found, *, how: str, weak: bool) -> None:
        kind = stat.S_IFMT(file.found.st_mode)
        if kind == stat.S_IFREG and how == "content":
            self._add_file(key, file, weak=weak)
        elif kind == stat.S_IFDIR or how != "directories":
            value = attributes.metadata(file.found)
            try:
                if kind != stat.S_IFLNK:
                    value.update(attributes.extended(file.reach()))
                elif how != "unlinked":
                    value["target"] = attributes.link_target(*file.named())
            except OSError as exc:
                if exc.errno in _ABSENT:
                    return
                value["unreadable"] = exc.strerror
            self._put(key, value)

    def _add_file(self, key: str, file: Found, *, weak: bool) -> None:
        found, due = file.found, file.place in self._due
        urgent = (found.st_uid == 0 and bool(found.st_mode & 0o111)) or rating.never_explained(key)
        self._kept[file.path] = Kept(file.place, found.st_size, file.share, urgent)
        if not self._terms.full and not due and self._remembered(key, file):
            if weak or index.ahead(found.st_ctime_ns, self._terms.now):
                self._doubted.append(file.path)
        elif found.st_size > LARGE and not self._terms.full and not due:
            self._leave_unread(key, file)
        elif found.st_size <= LARGE and self._at_once(file, due=due):
            self._put(key, self._read(file))
        else:
            self._put(key, self._unread(file))
            self._waiting.append(file.path)

    def _at_once(self, file: Found, *, due: bool) -> bool:
        """Whether a file need not wait until everybody's wishes are known."""
        if due:
            return True
        if file.found.st_uid != 0:
            return False
        return (self._everything and not self._terms.expired()) or self._spend(file.found.st_size)

    def _remembered(self, key: str, file: Found) -> bool:
        packed = self._known.get(file.path)
        if packed is None:
            return False
        record = index.unpack(packed)
        if record.mark != index.mark(file.found):
            return False
        self._records[file.path] = packed
        self._put(key, {**_content(file.found), "sha256": record.sha256, **record.extended})
        return True

    def _spend(self, size: int) -> bool:
        if size > self._left or self._terms.expired():
            return False
        self._left -= size
        return True

    def _read(self, file: Found) -> Value:
        name, descriptor = file.named()
        reading = hashing.read(name, file.found, descriptor=descriptor)
        if reading.sha256 is None:
            self.unsettled += reading.problem == hashing.UNSTABLE
            self._records.pop(file.path, None)
            return {**attributes.metadata(file.found), "nlink": file.found.st_nlink, "unreadable": reading.problem}
        self.bytes_hashed += reading.found.st_size
        mark, ctime = index.mark(reading.found), reading.found.st_ctime_ns
        packed = self._known.get(file.path)
        known = index.unpack(packed) if packed else None
        if known and known.mark == mark and known.sha256 != reading.sha256:
            self.unseen.append(escape(file.path))
        if index.settled(ctime, self._terms.now) or index.ahead(ctime, self._terms.now):
            turn = self.clock if file.place in self._due else known.turn if known else None
            record = index.Record(mark, reading.sha256, reading.extended, self.clock, turn)
            self._records[file.path] = record.pack()
        else:
            self.unsettled += 1
        return {**_content(reading.found), "sha256": reading.sha256, **reading.extended}

    def _leave_unread(self, key: str, file: Found) -> None:
        """Metadata alone; a large file waits for its turn in the rolling re-hash, any other for the next run."""
        self._put(key, {**self._unread(file), "truncated": True})
        if file.found.st_size <= LARGE:
            self.unsettled += 1
            return
        packed = self._known.get(file.path)
        known = index.unpack(packed) if packed else index.Record(None, "", {}, self.clock, None)
        self._records[file.path] = known._replace(mark=None, extended={}).pack()

    def _unread(self, file: Found) -> Value:
        try:
            return {**_content(file.found), **attributes.extended(file.reach())}
        except OSError as exc:
            return {**_content(file.found), "unreadable": exc.strerror}


def _join(directory: bytes, name: bytes) -> bytes:
    return directory.rstrip(b"/") or b"/" if name == b"." else directory + name


def _content(found: os.stat_result) -> Value:
    return {**attributes.metadata(found), "size": found.st_size, "nlink": found.st_nlink}
