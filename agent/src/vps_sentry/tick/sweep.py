# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamp kind ``sweep``: the stat records of very many files, a twelfth of them at each tick, so all within an hour.

These are what packages brought: too many to look at each time, and all of them somebody's program.
"""

import posix
from _blake2 import blake2b
from marshal import dumps

from . import heartbeat, rehash
from .tree import signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAME = b"/packages.index"
MAGIC = b"vps-sentry packages 1\n"
SLICES = 12
"""How many ticks one index serves: an hour, then a full look goes on."""


def take(state: bytes, run: int) -> bytes:
    """Nothing when every file of this tick's slice has the stat record it had; else a value that never comes twice.

    ``state`` is the state directory, ``run`` the number of the run that wrote its index: the heartbeat says how many
    have ended since. Raises OSError or ValueError when there is no such slice.
    """
    with open(state + heartbeat.NAME.encode(), "rb", buffering=0) as line:
        number = heartbeat.run_of(line.readall()) - run
    parts = rehash.load(state + NAME, number, magic=MAGIC, slices=SLICES)
    return b"" if all(digest(part[0]) == part[1] for part in parts) else posix.urandom(16)


def digest(places: bytes) -> bytes:
    """16 bytes over the stat records of the places, which stand one a line."""
    # Version 2 of marshal writes no references: equal records give equal bytes.
    records = dumps([_record(place) for place in places.split(b"\n")], 2)
    return bytes(blake2b(records, digest_size=16).digest())


def _record(place: bytes) -> "Any":
    try:
        return signature(posix.lstat(place))
    except OSError as exc:
        return exc.errno
