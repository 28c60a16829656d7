# SPDX-License-Identifier: GPL-3.0-or-later
"""Which unit files, drop-ins and links one manager of systemd finds, by the precedence of systemd.unit(5)."""

from __future__ import annotations

from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from ..core.canonical import escape
from . import places
from .disk import Disk, Entry

TYPES = (
    *(b"service", b"socket", b"timer", b"path", b"target", b"mount", b"automount", b"swap", b"slice", b"scope"),
    b"device",
)
_LINKS = (b".wants", b".requires", b".upholds")
_NULL = b"/dev/null"


class Manager(NamedTuple):
    """PID 1, what all users' managers share, or the manager of one account."""

    prefix: str
    """Before each key: nothing, ``user:`` or ``user:NAME:``."""
    folders: Tuple[bytes, ...]
    owner: Optional[int] = None
    """Uid of the account."""
    runs_as: str = "root"
    """Who a service runs as that names nobody."""


class Addition(NamedTuple):
    """Drop-ins of one name: the files by their base name, and the folders they lie in."""

    files: Dict[bytes, Entry]
    folders: List[bytes]


class Catalogue:
    """All that one manager finds, by unit name."""

    def __init__(self, disk: Disk, manager: Manager) -> None:
        self.disk = disk
        self.manager = manager
        self.fragments: Dict[bytes, Entry] = {}
        self.additions: Dict[bytes, Addition] = {}
        self.links: Dict[bytes, List[Entry]] = {}
        self.aliases: Dict[bytes, List[Entry]] = {}
        self._known = disk.folders(manager.folders)
        self._own = {disk.place(folder) for folder in (*self._known, *places.SHARED)}
        for folder in self._known:
            self._take(folder)
        for entry in self.fragments.values():
            other = self.alias_of(entry)
            if other:
                self.aliases.setdefault(other, []).append(entry)

    def _take(self, folder: bytes) -> None:
        passing = folder.endswith(b"/" + places.TRANSIENT)
        for entry in self.disk.entries(folder, owner=self.manager.owner):
            if passing and entry.name.endswith(places.VOLATILE):
                continue
            kind = entry.name.rpartition(b".")[2]
            if kind in TYPES and entry.kind != "folder":
                self.fragments.setdefault(entry.name, entry)
            elif kind == b"d" and entry.kind in ("folder", "link"):
                self._add(entry)
            elif entry.name.endswith(_LINKS) and entry.kind in ("folder", "link"):
                for link in self.disk.entries(self._enter(entry), owner=self.manager.owner):
                    self.links.setdefault(link.name, []).append(link)

    def _add(self, folder: Entry) -> None:
        found = [
            entry
            for entry in self.disk.entries(self._enter(folder), owner=self.manager.owner)
            if entry.name.endswith(b".conf")
        ]
        if found:
            addition = self.additions.setdefault(folder.name[: -len(b".d")], Addition({}, []))
            addition.folders.append(folder.path)
            for entry in found:
                addition.files.setdefault(entry.name, entry)

    def _enter(self, entry: Entry) -> bytes:
        """The folder itself; that one is a link is part of what is watched."""
        if entry.kind == "link":
            self.disk.note(self.disk.aim(entry))
        return entry.path

    def names(self) -> Iterator[bytes]:
        """Every unit that something is known of, drop-ins for many units left out."""
        for name in sorted({*self.fragments, *self.links, *self.additions}):
            if name.rpartition(b".")[2] in TYPES and not is_shared(name):
                yield name

    def shared(self) -> Iterator[Tuple[bytes, Addition]]:
        """Drop-ins for all units of a type, or for all whose name begins alike."""
        return ((name, addition) for name, addition in sorted(self.additions.items()) if is_shared(name))

    def alias_of(self, entry: Entry) -> bytes:
        """The other name of the unit whose file this link is, nothing if it is none."""
        if entry.kind != "link":
            return b""
        aim = self.disk.aim(entry)
        folder, _, name = aim.rpartition(b"/")
        if name in (entry.name, template(entry.name)) or name.rpartition(b".")[2] not in TYPES:
            return b""
        return name if self.disk.place(folder) in self._own else b""

    def stray(self, entry: Entry) -> bytes:
        """Where a link leads, if that is no place where units lie; from then on that file is watched, too."""
        aim = self.disk.aim(entry) if entry.kind == "link" else b""
        if not aim or aim == _NULL or self.disk.place(aim.rpartition(b"/")[0]) in self._own:
            return b""
        self.disk.note(aim)
        return aim

    def is_null(self, entry: Entry) -> bool:
        """Whether a link leads to /dev/null, which is how a unit or drop-in is put out of force."""
        return entry.kind == "link" and self.disk.aim(entry) == _NULL

    def wanted_by(self, name: bytes) -> List[str]:
        """What starts the unit: folders of links, each with where its link leads if that is nowhere usual."""
        found = set()
        for link in self.links.get(name, ()):
            folder = escape(link.path.split(b"/")[-2])
            odd = self.stray(link)
            if link.kind != "link":
                folder += " (no link, ignored)"
            elif odd:
                folder += f" -> {escape(odd)}"
            found.add(folder)
        return sorted(found)

    def drop_ins(self, name: bytes) -> Tuple[List[Entry], List[bytes]]:
        """The drop-ins of a unit in the order in which they hold, and their folders."""
        files: Dict[bytes, Entry] = {}
        folders: List[bytes] = []
        other = [entry.name for entry in self.aliases.get(name, ())]
        for owner in dict.fromkeys((name, template(name) or name, *other)):
            addition = self.additions.get(owner)
            if addition:
                folders += addition.folders
                files.update({base: entry for base, entry in addition.files.items() if base not in files})
        return [files[base] for base in sorted(files)], folders


def template(name: bytes) -> bytes:
    """``getty@.service`` of ``getty@tty1.service``; nothing for what is no instance."""
    stem, dot, kind = name.rpartition(b".")
    head, at, instance = stem.partition(b"@")
    return head + at + dot + kind if at and instance else b""


def is_shared(name: bytes) -> bool:
    """Whether drop-ins of this name are for many units: ``service``, or ``web-.service`` for all ``web-*``."""
    return name in TYPES or name.rpartition(b".")[0].endswith(b"-")
