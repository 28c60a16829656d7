# SPDX-License-Identifier: GPL-3.0-or-later
"""A regular file whose content is wanted: where it was found, how it is opened, in which order files are read."""

from __future__ import annotations

import os
from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from .rolling import Share


class Found(NamedTuple):
    """``path`` is what it is called, ``place`` and ``descriptor`` are how it is opened."""

    path: bytes
    place: bytes
    descriptor: Optional[int]
    found: os.stat_result
    share: Share

    def named(self) -> Tuple[bytes, Optional[int]]:
        """The arguments that open it: its name in an open directory where there is one."""
        return (os.path.basename(self.place) if self.descriptor is not None else self.place), self.descriptor

    def reach(self) -> bytes:
        """A path to it for calls that take no directory descriptor."""
        name, descriptor = self.named()
        return name if descriptor is None else b"/proc/self/fd/%d/%s" % (descriptor, name)


class Kept(NamedTuple):
    """What is kept of each file until all have been seen; a stat record would be five times as large."""

    place: bytes
    size: int
    share: Share
    urgent: bool


def fair(paths: Iterable[bytes], files: Mapping[bytes, Kept]) -> List[bytes]:
    """Smallest first for each who shares, and in turn between them by what they have had already."""
    had: Dict[Share, int] = {}
    ranked: List[Tuple[int, bytes]] = []
    for path in sorted(paths, key=lambda entry: (files[entry].size, entry)):
        share = files[path].share
        had[share] = had.get(share, 0) + files[path].size
        ranked.append((had[share], path))
    return [path for _, path in sorted(ranked, key=lambda pair: pair[0])]
