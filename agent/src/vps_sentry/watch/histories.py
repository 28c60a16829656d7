# SPDX-License-Identifier: GPL-3.0-or-later
"""Shell histories: they grow all day and are trimmed a little, but only somebody with something to hide empties one."""

from __future__ import annotations

import os
import stat
from typing import Dict, Iterable, Iterator, Mapping

from ..core.canonical import escape
from ..core.model import Signal
from ..host import Host

NAME = b".bash_history"
_WORTH = 4096
"""Bytes below which a history says too little to be worth an alert."""
_STANDS = 24 * 3600


def sizes(homes: Iterable[bytes], host: Host) -> Dict[str, int]:
    """Bytes of the history in each home that has one."""
    found = {}
    for home in homes:
        path = home.rstrip(b"/") + b"/" + NAME
        try:
            seen = os.lstat(host.locate(path))
        except OSError:
            continue
        if stat.S_ISREG(seen.st_mode):
            found[escape(path)] = seen.st_size
    return found


def least(size: int) -> int:
    """Bytes that a history of ``size`` bytes must still hold: a shell that trims it leaves more than half."""
    return size // 2 if size >= _WORTH else 0


def shrunk(before: Mapping[str, int], after: Mapping[str, int], *, now: int) -> Iterator[Signal]:
    """``history_shrunk`` for each history that lost most of what it held."""
    for path, size in after.items():
        if size < least(before.get(path, 0)):
            yield Signal(
                code="history_shrunk",
                key=path,
                severity="warning",
                title=f"the shell history {path} lost most of what it held",
                detail=f"it shrank from {before[path]} to {size} bytes; a shell trims a little, this is more than half",
                seen=now,
                until=now + _STANDS,
            )
