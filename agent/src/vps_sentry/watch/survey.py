# SPDX-License-Identifier: GPL-3.0-or-later
"""The full look: one item for each entry of the walk, content read within a budget."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ..core.canonical import escape
from ..core.model import Value
from ..tick import tree
from . import attributes, hashing, index
from .entries import Compiled
from .sight import sight

LARGE = 64 * 1024 * 1024
"""Bytes above which content is read only by a run that looks at everything."""

_ABSENT = (errno.ENOENT, errno.ENOTDIR)


@dataclass(frozen=True)
class Terms:
    """What a look may spend, and whether it trusts what it remembers."""

    now: int
    """Seconds since the epoch at the start of the run."""
    budget: int
    """Bytes of content to read. Root's own files are read beyond it when everything is looked at."""
    full: bool


class _File(NamedTuple):
    """A regular file whose content is wanted; ``place`` and ``descriptor`` are how it is opened."""

    path: bytes
    place: bytes
    descriptor: Optional[int]
    found: os.stat_result
    share: Tuple[int, int]
    """Number of the watch and owner: those who share the budget fairly."""


class Survey:
    """Items and index of one look at all watches."""

    def __init__(self, known: index.Records, terms: Terms) -> None:
        self.items: Dict[str, Value] = {}
        self.records: index.Records = {}
        self.unsettled = 0
        """Files to be read again next run: too fresh, changing, or over the budget."""
        self.bytes_hashed = 0
        self.blind: List[str] = []
        """Directories, ending in ``/``, of which not everything was seen."""
        self._known = known
        self._terms = terms
        # The first look has nothing to compare with: what it left unread would be accepted unread.
        self._everything = terms.full or not known
        self._left = terms.budget
        self._waiting: List[_File] = []

    def look(self, watch: Compiled, number: int) -> None:
        """Add the entries of one watch; what several watches see counts once."""
        seen, opened = watch[:2]
        for directory, descriptor, entries in tree.walk(watch):
            place = opened + directory[len(seen) :]
            for name, found in entries:
                path = _join(directory, name)
                key = escape(path)
                if isinstance(found, int):
                    self._mark(key, found)
                elif key not in self.items:
                    file = _File(path, _join(place, name), descriptor, found, (number, found.st_uid))
                    self._add(key, file, how=sight(directory, name))

    def finish(self) -> None:
        """Read the files that had to wait, so that no owner and no watch can use up the share of another."""
        for file in _fair(self._waiting):
            key = escape(file.path)
            if self._spend(file.found.st_size):
                self.items[key] = self._read(file)
            elif not self._remembered(key, file):
                self.unsettled += 1
                self.items[key]["truncated"] = True
        self._waiting = []

    def _mark(self, key: str, problem: int) -> None:
        if problem in (tree.DEEP, tree.OVERFLOW):
            self.items.setdefault(key, {})["truncated"] = True
        elif problem not in _ABSENT:
            self.items.setdefault(key, {})["unreadable"] = os.strerror(problem)
        else:
            return
        self.blind.append(key.rstrip("/") + "/")

    def _add(self, key: str, file: _File, *, how: str) -> None:
        kind = stat.S_IFMT(file.found.st_mode)
        if kind == stat.S_IFREG and how == "content":
            self._add_file(key, file)
        elif kind == stat.S_IFDIR or how != "directories":
            value = attributes.metadata(file.found)
            try:
                if kind != stat.S_IFLNK:
                    value.update(attributes.extended(_reach(file)))
                elif how != "unlinked":
                    value["target"] = attributes.link_target(*_named(file))
            except OSError as exc:
                if exc.errno in _ABSENT:
                    return
                value["unreadable"] = exc.strerror
            self.items[key] = value

    def _add_file(self, key: str, file: _File) -> None:
        if not self._terms.full and self._remembered(key, file):
            return
        size = file.found.st_size
        if size > LARGE and not self._terms.full:
            self.items[key] = {**self._unread(file), "truncated": True}
        elif size <= LARGE and file.found.st_uid == 0 and (self._everything or self._spend(size)):
            self.items[key] = self._read(file)
        else:
            self.items[key] = self._unread(file)
            self._waiting.append(file._replace(descriptor=None))

    def _remembered(self, key: str, file: _File) -> bool:
        record = self._known.get(file.path)
        if record is None or record[0] != tree.signature(file.found):
            return False
        self.records[file.path] = record
        self.items[key] = {**_content(file.found), "sha256": record[1], **record[2]}
        return True

    def _spend(self, size: int) -> bool:
        if size > self._left:
            return False
        self._left -= size
        return True

    def _read(self, file: _File) -> Value:
        name, descriptor = _named(file)
        reading = hashing.read(name, file.found, descriptor=descriptor)
        if reading.sha256 is None:
            self.unsettled += reading.problem == hashing.UNSTABLE
            return {**attributes.metadata(file.found), "nlink": file.found.st_nlink, "unreadable": reading.problem}
        self.bytes_hashed += reading.found.st_size
        if index.settled(reading.found.st_ctime_ns, self._terms.now):
            self.records[file.path] = (tree.signature(reading.found), reading.sha256, reading.extended)
        else:
            self.unsettled += 1
        return {**_content(reading.found), "sha256": reading.sha256, **reading.extended}

    def _unread(self, file: _File) -> Value:
        try:
            return {**_content(file.found), **attributes.extended(_reach(file))}
        except OSError as exc:
            return {**_content(file.found), "unreadable": exc.strerror}


def _join(directory: bytes, name: bytes) -> bytes:
    return directory.rstrip(b"/") or b"/" if name == b"." else directory + name


def _content(found: os.stat_result) -> Value:
    return {**attributes.metadata(found), "size": found.st_size, "nlink": found.st_nlink}


def _named(file: _File) -> Tuple[bytes, Optional[int]]:
    """The arguments that open ``file``: its name in an open directory where there is one."""
    return (os.path.basename(file.place) if file.descriptor is not None else file.place), file.descriptor


def _reach(file: _File) -> bytes:
    """A path to ``file`` for calls that take no directory descriptor."""
    name, descriptor = _named(file)
    return name if descriptor is None else b"/proc/self/fd/%d/%s" % (descriptor, name)


def _fair(files: List[_File]) -> List[_File]:
    """Smallest first for each who shares, and in turn between them by what they have had already."""
    had: Dict[Tuple[int, int], int] = {}
    ranked: List[Tuple[int, Any]] = []
    for file in sorted(files, key=lambda entry: (entry.found.st_size, entry.path)):
        had[file.share] = had.get(file.share, 0) + file.found.st_size
        ranked.append((had[file.share], file))
    return [file for _, file in sorted(ranked, key=lambda pair: pair[0])]
