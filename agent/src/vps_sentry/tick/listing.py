# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamp kind ``listing``: what ``tree`` says, without listing again each folder that has not moved.

A name that comes or goes moves its folder, and each folder is an entry of the one above it: while no entry moved, the
names are those of the last walk, which a file of their own keeps. Where a watch has a pattern nothing of this holds
for the folders on its way, so those are walked.
"""

import posix
from _blake2 import blake2b
from marshal import dumps, loads
from time import time

from . import plain, tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Folder = tuple[bytes, bytes, tuple[bytes, ...]]
    """A directory as seen (ends in ``/``), as opened, and the names in it that are looked at."""
    Look = tuple[Folder, list[Any]]
    """A folder, and what is known of each name: a signature or an errno."""

FOLDER, NAME = "/stamps", "listing"
MOST = 20_000
"""Names above which none are kept: reading them again would take the memory that a walk does not."""
_VERSION = 1
_SIZE = 16
_GRAIN = 3
"""Seconds: a folder that moved this lately may move again without its time stamp showing it."""
_FOLDER = posix.O_PATH | posix.O_DIRECTORY | posix.O_CLOEXEC
_DERIVED = b"__pycache__"
"""The one folder a walk leaves out by itself, as long as only root can write there."""


_WALKED: "dict[bytes, _Names]" = {}
"""Of which watches this process walked, for ``keep``: a tick in which nothing moved writes no file."""


def take(watches: "tuple[tree.Watch, ...]", state: bytes) -> bytes:
    """Bytes that differ whenever the full check could see something else below ``watches``.

    ``state`` is the state directory.
    """
    plainly, key = _plainly(watches)
    others = tree.take(tuple(watch for watch in watches if watch not in plainly))
    return others + (_unmoved(*_kept(state, key)) or _walked(plainly, key))


def keep(watches: "tuple[tree.Watch, ...]", state: bytes) -> None:
    """Leave the names of this process's walk for the next tick; nothing when it did not walk, or they may not be kept.

    Where they cannot be written each tick walks.
    """
    _, key = _plainly(watches)
    names = _WALKED.pop(key, None)
    if names is None or not names.last:
        return
    body = dumps((key, names.folders, names.value), 2)
    seal = blake2b(body, digest_size=_SIZE).digest()
    try:
        plain.write(_text(state) + FOLDER, NAME, data=seal + body)
    except OSError:
        return


def _plainly(watches: "tuple[tree.Watch, ...]") -> "tuple[list[tree.Watch], bytes]":
    """The watches without a pattern, and what their names are kept under."""
    found = [watch for watch in watches if tree.single(watch) and watch[3] != tree.OUTLINE]
    return found, blake2b(dumps((_VERSION, found), 2), digest_size=_SIZE).digest()


def _unmoved(folders: "list[Folder]", value: bytes) -> bytes:
    """The value of a walk whose names these are, as long as it stands; nothing when a name may have come or gone."""
    digest = blake2b(digest_size=_SIZE)
    for folder in folders:
        digest.update(dumps(_look(folder)[1], 2))
    return value if digest.digest() == value else b""


def _walked(watches: "list[tree.Watch]", key: bytes) -> bytes:
    """The value of a walk."""
    digest = blake2b(digest_size=_SIZE)
    names = _WALKED[key] = _Names()
    for look in _walk(watches):
        # Not the names: one that comes or goes moves its folder, which is another's entry.
        digest.update(dumps(look[1], 2))
        names.add(look)
    names.value = digest.digest()
    return names.value


def _walk(watches: "list[tree.Watch]") -> "Iterator[Look]":
    for watch in watches:
        seen, opened = watch[:2]
        for directory, descriptor, entries in tree.walk(watch):
            names = [name for name, _ in entries]
            records = [found if type(found) is int else _signature(name, found) for name, found in entries]
            # It was left out, if it is there at all; if it comes, its folder moves.
            derived = _record(descriptor, _DERIVED) if descriptor >= 0 and _DERIVED not in names else None
            if type(derived) is tuple:
                names.append(_DERIVED)
                records.append(derived)
            yield (directory, opened + directory[len(seen) :], tuple(names)), records


def _look(folder: "Folder") -> "Look":
    try:
        descriptor = posix.open(folder[1], _FOLDER)
    except OSError as exc:
        return folder, [exc.errno] * len(folder[2])
    try:
        return folder, _records(descriptor, folder[2])
    finally:
        posix.close(descriptor)


def _records(folder: int, names: "tuple[bytes, ...]") -> "list[Any]":
    stat = posix.stat
    if _DERIVED not in names:
        try:
            found = [stat(name, dir_fd=folder, follow_symlinks=False) for name in names]
            # What _signature() gives, without a call for each of thousands of entries.
            return [(one[:7], one.st_mtime_ns, one.st_ctime_ns) for one in found]
        except OSError:
            pass
    return [_record(folder, name) for name in names]


def _record(folder: int, name: bytes) -> "Any":
    try:
        return _signature(name, posix.stat(name, dir_fd=folder, follow_symlinks=False))
    except OSError as exc:
        return exc.errno


def _signature(name: bytes, found: "Any") -> "tuple[Any, ...]":
    if name == _DERIVED:
        # Python rewrites it as it pleases; who may write there is what counts.
        return found.st_mode, found.st_uid
    return found[:7], found.st_mtime_ns, found.st_ctime_ns


class _Names:
    """The folders of a walk and its value, and whether they last: may be read again instead of listed."""

    def __init__(self) -> None:
        self.folders: list[Folder] = []
        self.value = b""
        self.last = True
        self._left = MOST
        self._fresh = (int(time()) - _GRAIN) * 1_000_000_000

    def add(self, look: "Look") -> None:
        """One more folder of the walk."""
        folder, records = look
        self._left -= len(records)
        if self.last and (self._left < 0 or any(map(self._moving, records))):
            self.last, self.folders = False, []
        if self.last:
            self.folders.append(folder)

    def _moving(self, record: "Any") -> bool:
        if type(record) is int:
            return record in (tree.DEEP, tree.OVERFLOW)
        return len(record) == 3 and tree.is_directory(record[0][0]) and record[2] >= self._fresh


def _kept(state: bytes, key: bytes) -> "tuple[list[Folder], bytes]":
    """What the last walk of the same watches kept; nothing when it is torn, or of others."""
    try:
        data = plain.read(f"{_text(state)}{FOLDER}/{NAME}")
    except OSError:
        return [], b""
    # marshal may crash on bytes it did not write, so nothing unsealed ever reaches it.
    if data[:_SIZE] != blake2b(data[_SIZE:], digest_size=_SIZE).digest():
        return [], b""
    kept = loads(data[_SIZE:])  # noqa: S302 - sealed, and only root can write it
    return kept[1:] if kept[0] == key else ([], b"")


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
