# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a login shell lets somebody in, and whether it is what its name says."""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from typing import Dict, FrozenSet, List, NamedTuple, Optional, Set, Tuple

from ..core.canonical import escape
from ..host import Host, open_regular
from . import places

NO_LOGIN = frozenset(
    directory + name
    for directory in (b"/bin/", b"/sbin/", b"/usr/bin/", b"/usr/sbin/")
    for name in (b"nologin", b"false", b"true", b"sync", b"shutdown", b"halt")
)
"""Programs that end at once, under the names distributions give them."""
_NAMES = tuple({path.rpartition(b"/")[2] for path in NO_LOGIN})
_SYSTEM = (b"/bin/", b"/sbin/", b"/usr/bin/", b"/usr/sbin/", b"/usr/lib/", b"/usr/libexec/", b"/usr/local/bin/")
_LARGEST = 16 * 1024 * 1024
_CHUNK = 1024 * 1024


class Shell(NamedTuple):
    """One shell of passwd(5), judged."""

    login: bool
    note: str
    """What is wrong with it, in words; empty when nothing is."""
    false_face: bool = False
    """Whether it looks like something that lets nobody in, and does."""


def listed(data: bytes) -> FrozenSet[bytes]:
    """The shells of shells(5)."""
    lines = (line.partition(b"#")[0].strip() for line in data.split(b"\n"))
    return frozenset(line for line in lines if line.startswith(b"/"))


class Shells:
    """Judges shells; each program is looked at once."""

    def __init__(self, host: Host, known: FrozenSet[bytes]) -> None:
        self._host, self._known = host, known
        self._real: Optional[Dict[Tuple[int, bytes], bytes]] = None
        self._ends: Set[bytes] = set()
        self._judged: Dict[bytes, Shell] = {}

    def judge(self, shell: bytes) -> Shell:
        """What ``shell``, as passwd(5) has it, lets somebody do."""
        path = shell or b"/bin/sh"
        if path not in self._judged:
            self._judged[path] = self._look(path)
        return self._judged[path]

    def _look(self, path: bytes) -> Shell:
        end = places.hops(self._host, path)[-1]
        found = places.record(self._host, end)
        twin = self._twin(end, found)
        if path in NO_LOGIN:
            # Its own name, so even a mere link to a shell is a false one.
            return Shell(True, f"is a copy of {escape(twin)}", True) if twin else Shell(False, "")
        if found is None:
            return Shell(False, "does not exist")
        if not stat.S_ISREG(found.st_mode) or not found.st_mode & 0o111:
            return Shell(False, "is no program")
        twin = b"" if end in self._ends else twin
        notes = self._notes(path, found, twin)
        face = path.rpartition(b"/")[2].strip().lower().startswith(_NAMES)
        return Shell(True, "; ".join(notes), face or bool(twin))

    def _notes(self, path: bytes, found: os.stat_result, twin: bytes) -> List[str]:
        told = (
            (
                path.rpartition(b"/")[2].strip().lower().startswith(_NAMES),
                "only looks like a shell that lets nobody in",
            ),
            (bool(twin), f"is a copy of {escape(twin)}"),
            (path not in self._known, "is not in /etc/shells"),
            (not path.startswith(_SYSTEM), "lies outside the system's directories of programs"),
            (bool(found.st_uid or found.st_mode & places.OTHERS_WRITE), "can be written by others than root"),
        )
        return [note for holds, note in told if holds]

    def _twin(self, end: bytes, found: Optional[os.stat_result]) -> bytes:
        """The real shell of which the program is a copy under another name; empty when there is none."""
        if found is None or not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
            return b""
        real = self._shells()
        if not any(size == found.st_size for size, _ in real):
            return b""
        return real.get((found.st_size, self._digest(end)), b"")

    def _shells(self) -> Dict[Tuple[int, bytes], bytes]:
        """Size and digest of every program that stands in shells(5) -> its name."""
        if self._real is None:
            self._real = {}
            for path in sorted(self._known | {b"/bin/bash", b"/bin/sh", b"/bin/dash"}):
                if path in NO_LOGIN or not path.startswith(_SYSTEM):
                    continue
                end = places.hops(self._host, path)[-1]
                found = places.record(self._host, end)
                if found is not None and stat.S_ISREG(found.st_mode) and found.st_size <= _LARGEST:
                    self._real.setdefault((found.st_size, self._digest(end)), path)
                    self._ends.add(end)
        return self._real

    def _digest(self, path: bytes) -> bytes:
        digest = sha256()
        try:
            descriptor = open_regular(self._host.locate(path))
        except OSError:
            return b""
        with open(descriptor, "rb", buffering=0) as handle:
            for chunk in iter(lambda: handle.read(_CHUNK), b""):
                digest.update(chunk)
        return digest.digest()
