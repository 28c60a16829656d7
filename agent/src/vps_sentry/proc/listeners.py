# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening sockets in words: the records of the quiet path, namespaces under names that survive a restart."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Collection, Dict, List, Sequence, Tuple

from ..core.canonical import escape
from ..tick import ports, sockets
from . import owners

Ephemeral = Tuple[int, int]
"""First and last port of ip(7) ``ip_local_port_range``."""
LOWEST_EPHEMERAL = 1024
"""Whatever the range says, the ports that only root may open are never passing ones."""


@dataclass(frozen=True)
class Listener:
    """One socket. ``port`` is the IP protocol of a raw, the Ethernet type of a packet socket."""

    protocol: str
    address: bytes
    port: int
    uid: int
    inode: int
    space: str = ""
    """The network namespace by name, empty for the host's own."""
    note: str = ""
    """How the quiet path notes it, in hex; empty unless it is of a kind that comes and goes by itself."""


@dataclass(frozen=True)
class Sight:
    """One look at all namespaces. ``hidden`` are the words of ``tick.ports`` for what could not be looked at."""

    found: Tuple[Listener, ...]
    hidden: Tuple[str, ...]
    _spaces: Sequence[ports.Space]
    _ephemeral: Ephemeral

    def digest(self, known: Collection[str]) -> str:
        """What the stamp compares with, ``known`` being the notes of the passing sockets that count."""
        notes = frozenset(bytes.fromhex(note) for note in known)
        seal, _ = ports.weigh(list(self._spaces), list(self.hidden), ephemeral=self._ephemeral, known=notes)
        return seal.hex()


def look(ephemeral: Ephemeral) -> Sight:
    """Every listening socket of every network namespace with a way out. Raises OSError."""
    spaces, hidden = ports.look()
    named = _bound_names()
    found: List[Listener] = []
    for link, processes, records in spaces:
        name = named.get(link) or _name(processes) if processes else ""
        found += (_listener(record, link, name, ephemeral) for record in records)
    return Sight(tuple(found), tuple(hidden), spaces, ephemeral)


def _listener(record: bytes, link: str, space: str, ephemeral: Ephemeral) -> Listener:
    protocol, _, address, port, uid, inode = sockets.unpack(record)
    note = ports.note(link, record).hex() if ports.passes(record, ephemeral) else ""
    return Listener(protocol, address, port, uid, inode, space, note)


def _bound_names() -> Dict[str, str]:
    """Namespaces that ip-netns(8) gave a name; a name numbered afresh each time (a container engine's) is none."""
    found: Dict[str, str] = {}
    for folder in ports.NAMED:
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        for name in names:
            try:
                link = f"net:[{os.stat(f'{folder}/{name}').st_ino}]"
            except OSError:
                continue
            if stable(name) == escape(name.encode("utf-8", "surrogateescape")):
                found.setdefault(link, f"netns {stable(name)}")
    return found


def stable(name: str) -> str:
    """A name without what its maker numbers afresh each time."""
    return owners.FRESH.sub("*", escape(name.encode("utf-8", "surrogateescape")))


def _name(processes: Sequence[str]) -> str:
    """The unit of the oldest process: whoever enters a namespace later does not rename it."""
    for process in sorted(processes, key=_started):
        unit = owners.parse_unit(_read(f"/proc/{process}/cgroup")).partition("/")[0]
        if unit != owners.UNKNOWN:
            return unit
    return owners.UNKNOWN


def _started(process: str) -> Tuple[int, int]:
    """Start time in clock ticks, then the pid; last of all a process that ended meanwhile."""
    # proc(5): the name in parentheses may hold anything, the start time is the 20th field behind it.
    fields = _read(f"/proc/{process}/stat").rpartition(b")")[2].split()
    return (int(fields[19]) if len(fields) > 19 else sys.maxsize), int(process)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as handle:
            return handle.read(65536)
    except OSError:
        return b""
