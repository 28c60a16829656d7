# SPDX-License-Identifier: GPL-3.0-or-later
"""The walk over watched files, shared by stamp and full check, and the stamp made of it."""

import errno
import posix
from _blake2 import blake2b
from itertools import islice
from marshal import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from typing import Any, Union

    Component = Union[None, bytes, tuple[bytes, ...], tuple[tuple[bytes, ...], ...]]
    """A name: None for any number of them (``**``), a literal, suffixes, or alternatives as chunks around ``*``."""
    Pattern = tuple[bytes, tuple[Component, ...]]
    """A literal directory ending in ``/`` and the components below it."""
    Watch = tuple[bytes, bytes, tuple[Component, ...], int, int, tuple[Pattern, ...]]
    """Base as seen (ends in ``/``), base as opened, components below it, depth, entry limit, excluded patterns."""
    Entry = tuple[bytes, Union[os.stat_result, int]]
    """A name (``.`` is the directory itself) and its lstat; or an errno, DEEP or OVERFLOW."""
    Place = tuple[bytes, int]
    Batch = tuple[bytes, int, list[Entry]]
    """A directory as seen (ends in ``/``), a descriptor of it (-1: none) and some of its entries."""

DEEP = -1
"""Instead of an errno: a directory not entered because it lies ``MAX_DEPTH`` levels down."""
OVERFLOW = -2
"""Instead of an errno: the entry limit was reached, the rest was not looked at."""
MAX_DEPTH = 40
MAX_ENTRIES = 200_000
OUTLINE = -1
"""Depth of a watch on type, mode and owner alone: a shell history is written all day."""

_OPEN = posix.O_RDONLY | posix.O_DIRECTORY | posix.O_CLOEXEC
_BATCH = 512
_LARGE_DIRECTORY = 100_000
_FORMAT, _DIRECTORY, _REGULAR = 0o170000, 0o040000, 0o100000


def take(watches: "tuple[Watch, ...]", unsettled: bool = False) -> bytes:
    """16 bytes that differ whenever the full check could see something else below ``watches``.

    ``unsettled``: the last full check could not finish (a file too fresh for its time stamps to be trusted,
    or more bytes than its budget); then no two stamps are equal.
    """
    if unsettled:
        return posix.urandom(16)
    digest = blake2b(digest_size=16)
    for watch in watches:
        record = _outline if watch[3] == OUTLINE else signature
        for directory, _, entries in walk(watch):
            records = [(name, found if type(found) is int else record(found)) for name, found in entries]
            # Version 2 of marshal writes no references: equal records give equal bytes.
            digest.update(dumps((directory, records), 2))
    return digest.digest()


def signature(found: "Any") -> "tuple[Any, ...]":
    """What moves when an entry does: (mode, ino, dev, nlink, uid, gid, size), mtime and ctime in ns."""
    return found[:7], found.st_mtime_ns, found.st_ctime_ns


def _outline(found: "Any") -> "tuple[Any, ...]":
    if found.st_mode & _FORMAT == _REGULAR:
        return (found.st_mode, found.st_uid, found.st_gid)
    return signature(found)


def walk(watch: "Watch") -> "Iterator[Batch]":
    """All entries of one watch, in name order; a batch's descriptor lives until the next batch is asked for.

    Links are never followed. What cannot be looked at is an entry with its errno; an exclusion never hides
    what the watch itself names.
    """
    seen, opened, components = watch[:3]
    name = single(watch)
    try:
        base = _open_base(opened, posix.O_PATH if name else 0)
    except OSError as exc:
        yield seen, -1, [(name or b".", exc.errno or errno.EIO)]
        return
    below = _Below(watch)
    try:
        yield from below.select((seen, base), components)
    finally:
        posix.close(base)
    if below.overflow:
        yield seen, -1, [(name or b".", OVERFLOW)]


def single(watch: "Watch") -> "bytes | None":
    """The one name a watch looks at in its base, None if it may be several."""
    first = watch[2][0]
    return first if len(watch[2]) == 1 and type(first) is bytes else None


def _open_base(opened: bytes, how: int) -> int:
    if not opened:
        raise OSError(errno.ELOOP, posix.strerror(errno.ELOOP))
    return posix.open(opened, _OPEN | how)


class _Below:
    """One walk downwards: what is left of its entry limit, and what it leaves out. A place is a path as seen
    (ending in ``/``) and a descriptor of that directory; one descriptor a level is open.
    """

    def __init__(self, watch: "Watch") -> None:
        _, _, _, self.depth, self.left, excluded = watch
        self.overflow = False
        self.literal: dict[bytes, list[bytes]] = {}
        self.patterns: list[Pattern] = []
        for base, components in excluded:
            if len(components) == 1 and type(components[0]) is bytes:
                self.literal.setdefault(base, []).append(components[0])
            else:
                self.patterns.append((base, components))

    def select(self, place: "Place", components: "tuple[Component, ...]") -> "Iterator[Batch]":
        """What the components pick, and everything below it."""
        directory, descriptor = place
        try:
            names = literals(components[0]) or sorted(pick(components[0], self._list(descriptor)))
        except OSError as exc:
            yield directory, -1, [(b".", exc.errno or errno.EIO)]
            return
        if len(components) == 1:
            yield from self.look(place, names, level=0)
            return
        for name in names:
            below = directory + name + b"/"
            try:
                opened = posix.open(name, _OPEN | posix.O_NOFOLLOW, dir_fd=descriptor)
            except OSError as exc:
                yield below, -1, [(b".", exc.errno or errno.EIO)]
                continue
            try:
                yield from self.select((below, opened), components[1:])
            finally:
                posix.close(opened)

    def look(self, place: "Place", names: "list[bytes]", *, level: int) -> "Iterator[Batch]":
        """The named entries of one directory, then what lies below each directory among them."""
        if len(names) > self.left:
            self.overflow = True
            names = names[: self.left]
        self.left -= len(names)
        inside: list[tuple[bytes, int]] = []
        for start in range(0, len(names), _BATCH):
            entries = _stat(place[1], names[start : start + _BATCH])
            inside += _directories(entries)
            yield (*place, entries)
        if level < self.depth:
            for name, size in inside:
                yield from self._enter(place, (name, size), level=level + 1)
        elif inside and level == MAX_DEPTH:
            yield (*place, [(name, DEEP) for name, _ in inside])

    def _enter(self, place: "Place", inside: "tuple[bytes, int]", *, level: int) -> "Iterator[Batch]":
        if self.overflow:
            return
        name, size = inside
        directory = place[0] + name + b"/"
        descriptor = -1
        try:
            descriptor = posix.open(name, _OPEN | posix.O_NOFOLLOW, dir_fd=place[1])
            names = self._visible(directory, self._list(descriptor, size=size))
        except OSError as exc:
            yield directory, -1, [(b".", exc.errno or errno.EIO)]
        else:
            yield from self.look((directory, descriptor), sorted(names), level=level)
        finally:
            if descriptor >= 0:
                posix.close(descriptor)

    def _list(self, descriptor: int, *, size: int = _LARGE_DIRECTORY) -> "list[bytes]":
        if size < _LARGE_DIRECTORY:
            return [name.encode("utf-8", "surrogateescape") for name in posix.listdir(descriptor)]
        # Somebody may have made ten million files to run the agent out of memory.
        with posix.scandir(descriptor) as listing:
            return [entry.name.encode("utf-8", "surrogateescape") for entry in islice(listing, self.left + 1)]

    def _visible(self, directory: bytes, names: "list[bytes]") -> "list[bytes]":
        hidden = self.literal.get(directory)
        if hidden:
            names = [name for name in names if name not in hidden]
        for base, components in self.patterns:
            if directory.startswith(base):
                gone = pick(components[-1], names)
                if gone and reaches(components[:-1], directory[len(base) :].split(b"/")[:-1]):
                    names = list(set(names).difference(gone))
        return names


def literals(component: "Any") -> "list[bytes]":
    """The names a component can only mean (missing ones are then seen to be missing), or none if it has a ``*``."""
    if type(component) is bytes:
        return [component]
    if all(type(chunks) is tuple and len(chunks) == 1 for chunks in component):
        return sorted(chunks[0] for chunks in component)
    return []


def _stat(descriptor: int, names: "list[bytes]") -> "list[Entry]":
    stat = posix.stat
    try:
        return [(name, stat(name, dir_fd=descriptor, follow_symlinks=False)) for name in names]
    except OSError:
        return [(name, _stat_one(descriptor, name)) for name in names]


def _stat_one(descriptor: int, name: bytes) -> "Union[os.stat_result, int]":
    try:
        return posix.stat(name, dir_fd=descriptor, follow_symlinks=False)
    except OSError as exc:
        return exc.errno or errno.EIO


def is_directory(mode: int) -> bool:
    """Whether a mode is that of a directory."""
    return mode & _FORMAT == _DIRECTORY


def _directories(entries: "list[Any]") -> "list[tuple[bytes, int]]":
    """Name and size of each directory in ``entries``; derived ones are taken out of it."""
    inside: list[tuple[bytes, int]] = []
    # A stat record begins with the mode; an errno is none.
    found_here = [pair for pair in entries if type(pair[1]) is not int and pair[1][0] & _FORMAT == _DIRECTORY]
    for entry in found_here:
        name, found = entry
        # Python rewrites these as it pleases; where only root can, they follow from files that are watched.
        if name == b"__pycache__" and not found.st_uid and not found.st_mode & 0o022:
            entries.remove(entry)
        else:
            inside.append((name, found.st_size))
    return inside


def pick(component: "Any", names: "list[bytes]") -> "list[bytes]":
    """Those of ``names`` that one component of a pattern matches; ``*`` never matches a ``/``."""
    if component is None:
        return names
    if type(component) is bytes:
        return [component] if component in names else []
    if type(component[0]) is bytes:
        return [name for name in names if name.endswith(component)]
    return [name for name in names if any(_fits(chunks, name) for chunks in component)]


def _fits(chunks: "tuple[bytes, ...]", name: bytes) -> bool:
    first, last = chunks[0], chunks[-1]
    if len(chunks) == 1:
        return name == first
    place, end = len(first), len(name) - len(last)
    if place > end or not name.startswith(first) or not name.endswith(last):
        return False
    for chunk in chunks[1:-1]:
        place = name.find(chunk, place, end) + len(chunk)
        if place < len(chunk):
            return False
    return True


def reaches(components: "tuple[Component, ...]", names: "list[bytes]") -> bool:
    """Whether the components of a pattern match the names of a path, one by one."""
    if not components:
        return not names
    if components[0] is None:
        return any(reaches(components[1:], names[skip:]) for skip in range(len(names) + 1))
    return bool(names) and bool(pick(components[0], names[:1])) and reaches(components[1:], names[1:])
