# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a package's file really lies: merged /usr, and dpkg's diversions.

A list may say /bin/ls where the disk has /usr/bin/ls, and the other way round.
"""

from __future__ import annotations

import os
from typing import Dict, FrozenSet, Iterator, List, NamedTuple, Tuple

from ..core.canonical import escape
from ..host import Host

# Directories that distributions merged into another and left as a link.
_TOPS = (
    *(b"/bin", b"/sbin", b"/lib", b"/lib32", b"/lib64", b"/libx32", b"/libo32", b"/usr/sbin", b"/usr/lib64"),
    *(b"/var/run", b"/var/lock"),
)
LOCAL = ":"
"""Who made a diversion that no package made."""


class Diversion(NamedTuple):
    """What every package but ``by`` installs at ``path`` lies at ``to`` instead."""

    path: bytes
    to: bytes
    by: str
    """Name of the package that asked for it; ``:`` when the administrator did."""


class Places:
    """The other names of the paths of one host."""

    def __init__(self, host: Host) -> None:
        root = os.fsencode(host.root).rstrip(b"/")
        self._pairs: List[Tuple[bytes, bytes]] = []
        for top in _TOPS:
            try:
                # The last component is not resolved, so a name below is asked for.
                place = os.path.dirname(host.locate(top + b"/entry"))[len(root) :]
            except OSError:
                continue
            if place != top and place.startswith(b"/"):
                self._pairs.append((top + b"/", place + b"/"))

    def real(self, path: bytes) -> bytes:
        """The path without the links of a merged /usr."""
        for short, place in self._pairs:
            if path.startswith(short):
                return place + path[len(short) :]
        return path

    def names(self, path: bytes) -> FrozenSet[bytes]:
        """Every way a list may write this path, itself included."""
        real = self.real(path)
        others = (short + real[len(place) :] for short, place in self._pairs if real.startswith(place))
        return frozenset((path, real, *others))


def diversions(data: bytes) -> Tuple[Diversion, ...]:
    """The file ``/var/lib/dpkg/diversions``: path, new place and package, a line each.

    Raises ValueError when it is cut off or a path is none; dpkg itself refuses such a file (lib/dpkg/db-ctrl-divert).
    """
    lines = data.split(b"\n")
    if lines.pop() != b"" or len(lines) % 3:
        raise ValueError("the list of diversions is cut off")
    found = []
    for path, to, by in zip(*[iter(lines)] * 3):
        if not path.startswith(b"/") or not to.startswith(b"/"):
            raise ValueError(f"diversion of {escape(path[:200])} is not from one path to another")
        found.append(Diversion(path, to, escape(by)))
    return tuple(found)


class Diverted:
    """Diversions by every name of their paths. Nothing is followed twice, so a circle of them is no trap."""

    def __init__(self, found: Tuple[Diversion, ...], places: Places) -> None:
        self._from: Dict[bytes, Diversion] = {places.real(entry.path): entry for entry in found}
        self._to: Dict[bytes, Diversion] = {places.real(entry.to): entry for entry in found}
        self._places = places

    def place(self, path: bytes, package: str) -> bytes:
        """Where ``path``, as ``package`` lists it, lies: links of a merged /usr resolved, diversion applied."""
        real = self._places.real(path)
        entry = self._from.get(real)
        return real if entry is None or entry.by == package else self._places.real(entry.to)

    def listed(self, path: bytes) -> Iterator[Tuple[FrozenSet[bytes], str, bool]]:
        """How lists may name the file at ``path``: the names, a package, and whether only that one or all but it.

        An empty package leaves nobody out.
        """
        real = self._places.real(path)
        at, moved = self._from.get(real), self._to.get(real)
        if at is not None:
            yield self._places.names(path), at.by, True
        if moved is not None:
            yield self._places.names(moved.path), moved.by, False
        if at is None and moved is None:
            yield self._places.names(path), "", False
