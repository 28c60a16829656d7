# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders and files of a host as they are looked at here: no link out of an account's own files, nothing but files."""

from __future__ import annotations

import errno
import os
import stat
from itertools import islice
from typing import Dict, List, NamedTuple, Optional, Set, Tuple

from ..core.canonical import escape
from ..errors import CollectError
from ..host import Host, open_regular
from ..watch import entries
from . import places

SIZE_LIMIT = 1024 * 1024
"""Bytes of a file that are read; none that does honest work comes near."""


class Entry(NamedTuple):
    """One name in a folder."""

    path: bytes
    """As seen from the host's root."""
    kind: str
    """``file``, ``folder``, ``link`` or ``other``."""
    target: bytes = b""
    """Of a link, as it is written."""

    @property
    def name(self) -> bytes:
        """The last part of the path."""
        return self.path.rpartition(b"/")[2]


class Disk:
    """One look. ``beyond`` collects where links led to outside of the usual places, ``unseen`` what was passed over."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.beyond: Set[bytes] = set()
        self.unseen: Dict[str, str] = {}
        self._listed: Dict[bytes, Tuple[Entry, ...]] = {}
        self._places: Dict[bytes, bytes] = {}

    def folders(self, wanted: Tuple[bytes, ...]) -> Tuple[bytes, ...]:
        """Of folders that are one (``/lib`` and ``/usr/lib``, once merged) the first."""
        kept: Dict[bytes, bytes] = {}
        for folder in wanted:
            kept.setdefault(self.place(folder), folder)
        return tuple(kept.values())

    def place(self, folder: bytes) -> bytes:
        """Where a folder really lies: two names of one folder give the same."""
        if folder not in self._places:
            self._places[folder] = entries.locate(self.host, folder + b"/") or folder
        return self._places[folder]

    def entries(self, folder: bytes, *, owner: Optional[int] = None) -> Tuple[Entry, ...]:
        """What lies in ``folder``, by name; nothing if it is not there. ``owner``: whose home it lies in."""
        if folder not in self._listed:
            self._listed[folder] = self._list(folder, places.limit_of(folder, owner))
        return self._listed[folder]

    def _list(self, folder: bytes, most: int) -> Tuple[Entry, ...]:
        where = entries.locate(self.host, folder + b"/")
        try:
            with os.scandir(where or folder) as listing:
                found = [self._entry(folder, entry) for entry in islice(listing, most + 1)]
        except OSError as exc:
            if not where or exc.errno not in (errno.ENOENT, errno.ENOTDIR):
                self.unseen[escape(folder)] = (exc.strerror or "unreadable") if where else "too many links"
            return ()
        if len(found) > most:
            self.unseen[escape(folder)] = f"it holds more than {most:,} entries; the rest was not looked at"
        return tuple(sorted(found[:most]))

    def _entry(self, folder: bytes, entry: os.DirEntry[bytes]) -> Entry:
        path = folder + b"/" + entry.name
        if entry.is_symlink():
            try:
                return Entry(path, "link", os.readlink(entry.path))
            except OSError:
                return Entry(path, "other")
        if entry.is_dir(follow_symlinks=False):
            return Entry(path, "folder")
        return Entry(path, "file" if entry.is_file(follow_symlinks=False) else "other")

    def aim(self, entry: Entry) -> bytes:
        """Where a link points to, as an absolute path seen from the host's root; only the link itself is resolved."""
        return os.path.normpath(os.path.join(os.path.dirname(entry.path), entry.target)).replace(b"//", b"/")

    def read(self, path: bytes, *, owner: Optional[int] = None) -> bytes:
        """Content of a file, links followed inside the host's root. Raises CollectError.

        With ``owner`` it must belong to that uid, or to root without a link on the way: what an account may put into
        its home must not make the agent tell what the account itself could not read.
        """
        try:
            place = self._resolve(path)
            descriptor = open_regular(place)
        except OSError as exc:
            raise CollectError(self._reason(exc)) from exc
        try:
            found = os.fstat(descriptor)
            if (
                owner is not None
                and found.st_uid != owner
                and (found.st_uid or found.st_nlink > 1 or self._strays(path))
            ):
                raise CollectError("it leads to a file of another user, which is not read")
            if found.st_size > SIZE_LIMIT:
                raise CollectError(f"larger than {SIZE_LIMIT} bytes, not read")
            with open(descriptor, "rb", closefd=False) as handle:
                return handle.read(SIZE_LIMIT)
        except OSError as exc:
            raise CollectError(self._reason(exc)) from exc
        finally:
            os.close(descriptor)

    def _strays(self, path: bytes) -> bool:
        """Whether a path, or a folder on its way, is a link."""
        root = os.fsencode(self.host.root).rstrip(b"/")
        return os.path.realpath(root + path) != os.path.normpath(root + path)

    def _resolve(self, path: bytes) -> bytes:
        for _ in range(40):
            place = self.host.locate(path)
            try:
                target = os.readlink(place)
            except OSError:
                return place
            path = os.path.join(os.path.dirname(path), target)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))

    @staticmethod
    def _reason(exc: OSError) -> str:
        return "not a regular file, not opened" if exc.errno == errno.EINVAL else exc.strerror or "cannot be read"

    def facts(self, path: bytes) -> Optional[os.stat_result]:
        """What lies at the end of a path, links followed inside the host's root; None where nothing does."""
        try:
            return os.lstat(self._resolve(path))
        except OSError:
            return None

    def executable(self, path: bytes) -> bool:
        """Whether a path leads to a file that somebody may run."""
        found = self.facts(path)
        return found is not None and stat.S_ISREG(found.st_mode) and bool(found.st_mode & 0o111)

    def note(self, path: bytes) -> None:
        """Remember that what lies at ``path`` decides something, too."""
        self.beyond.add(path)

    def not_checked(self) -> List[Tuple[str, str]]:
        """Folders that could not be looked at, or not whole, and why."""
        return sorted(self.unseen.items())
