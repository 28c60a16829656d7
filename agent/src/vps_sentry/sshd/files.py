# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd's configuration as it lies on a host, drop-ins included, and who its accounts are."""

from __future__ import annotations

import getopt
import os
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Dict, FrozenSet, Iterator, List, Optional, Sequence, Tuple

from ..core.canonical import escape
from ..errors import CollectError
from ..host import Host
from .match import Who
from .policy import Policy
from .syntax import Setting, SettingsError, settings

MAIN = "/etc/ssh/sshd_config"
_OPTIONS = "C:E:b:c:f:g:h:k:o:p:u:46DGQRTdeiqrtV"
_FILES = 256
_LIMIT = 1024 * 1024
_LOCAL = {"files", "compat", "systemd", "db"}


@dataclass(frozen=True)
class Read:
    """One sshd's settings, and how far they can be believed."""

    policy: Policy
    places: Tuple[str, ...]
    """Files read and directories searched; whoever edits, adds or removes a drop-in moves one of them."""
    changed: int
    """When one of them moved last, seconds since the epoch."""
    problem: str = ""
    """Why this may not be all; empty when it is."""


@dataclass
class _Reader:
    host: Host
    places: Dict[str, int] = field(default_factory=dict)
    files: int = 0

    def content(self, path: str) -> bytes:
        self.files += 1
        if self.files > _FILES:
            raise SettingsError(f"{path}: more than {_FILES} files are included")
        self.note(path)
        return self.host.read(path, limit=_LIMIT)

    def note(self, path: str) -> None:
        try:
            found = os.stat(self.host.locate(os.fsencode(path)))
        except OSError:
            self.places[path] = 0
            return
        self.places[path] = int(max(found.st_mtime, found.st_ctime))

    def include(self, wanted: str) -> List[Tuple[str, bytes]]:
        path = wanted if wanted.startswith("/") else f"/etc/ssh/{wanted}"
        return [(found, self.content(found)) for found in sorted(self._expand(path))]

    def _expand(self, path: str) -> Iterator[str]:
        before = [""]
        for part in path.split("/")[1:]:
            before = [f"{place}/{name}" for place in before for name in self._names(place or "/", part)]
        for place in before:
            if os.path.lexists(self.host.locate(os.fsencode(place))):
                yield place

    def _names(self, directory: str, part: str) -> List[str]:
        if not any(c in part for c in "*?["):
            return [part]
        self.note(directory)
        try:
            names = os.listdir(os.path.join(self.host.locate(os.fsencode(directory)), b""))
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise SettingsError(f"{directory} cannot be listed: {exc.strerror}") from exc
        shown = (os.fsdecode(name) for name in names)
        return [
            name for name in shown if fnmatchcase(name, part) and (part.startswith(".") or not name.startswith("."))
        ]


def read(host: Host, arguments: Sequence[str] = ()) -> Read:
    """The settings of an sshd started with ``arguments`` (without its own name); never raises for a bad file."""
    path, early, strange = _started(arguments)
    reader = _Reader(host)
    found: List[Setting] = []
    problem = strange
    try:
        found = settings(path, reader.content(path), include=reader.include)
    except (CollectError, SettingsError, OSError) as exc:
        problem = str(exc)
    places = tuple(sorted(reader.places))
    return Read(Policy((*early, *found)), places, max(reader.places.values(), default=0), problem)


def _started(arguments: Sequence[str]) -> Tuple[str, List[Setting], str]:
    """Configuration file, settings of the command line (they come first), and what is wrong with it."""
    path, lines = MAIN, b""
    try:
        options, _ = getopt.getopt(list(arguments), _OPTIONS)
    except getopt.GetoptError as exc:
        return path, [], f"sshd was started with {' '.join(arguments)}: {exc}"
    for option, value in options:
        if option == "-f":
            path = value
        elif option == "-o":
            lines += value.replace("=", " ", 1).encode("utf-8", "surrogateescape") + b"\n"
        elif option == "-q":
            lines += b"LogLevel QUIET\n"
    try:
        return path, settings("command line", lines, include=lambda wanted: []), ""
    except SettingsError as exc:
        return path, [], str(exc)


@dataclass(frozen=True)
class Accounts:
    """Who the local accounts are."""

    uids: Dict[str, int]
    names: Dict[int, str]
    """Of several names of a uid the first, as getpwuid(3) does."""
    shells: FrozenSet[str]
    """Those with a login shell."""
    groups: Optional[Dict[str, FrozenSet[str]]]
    """None when groups come from elsewhere too."""

    def who(self, user: str, address: Optional[str]) -> Who:
        """A login's user as sshd's rules see him."""
        groups = None if self.groups is None else self.groups.get(user)
        return Who(user, address, self.uids.get(user), groups)


_NO_SHELL = (b"nologin", b"false", b"sync", b"halt", b"shutdown")


def accounts(passwd: bytes, group: bytes = b"", *, switch: bytes = b"") -> Accounts:
    """From the bytes of passwd(5), group(5) and nsswitch.conf(5)."""
    rows = [row for row in (line.split(b":") for line in passwd.split(b"\n")) if len(row) == 7]
    uids: Dict[str, int] = {}
    names: Dict[int, str] = {}
    for row in rows:
        if row[2].isdigit():
            names.setdefault(int(row[2]), escape(row[0]))
            uids.setdefault(escape(row[0]), int(row[2]))
    shells = frozenset(escape(row[0]) for row in rows if row[6].rpartition(b"/")[2] not in _NO_SHELL)
    return Accounts(uids, names, shells, _groups(rows, group) if _only_local(switch) else None)


def _groups(rows: List[List[bytes]], group: bytes) -> Dict[str, FrozenSet[str]]:
    named = [row for row in (line.split(b":") for line in group.split(b"\n")) if len(row) == 4]
    found: Dict[str, FrozenSet[str]] = {}
    for row in rows:
        mine = (entry[0] for entry in named if entry[2] == row[3] or row[0] in entry[3].split(b","))
        found[escape(row[0])] = frozenset(escape(name) for name in mine)
    return found


def _only_local(switch: bytes) -> bool:
    for line in switch.split(b"\n"):
        name, _, services = line.partition(b"#")[0].partition(b":")
        if name.strip() in (b"group", b"initgroups"):
            named = {word for word in services.decode("ascii", "replace").split() if not word.startswith("[")}
            if not named <= _LOCAL:
                return False
    return True
