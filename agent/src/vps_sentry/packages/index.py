# SPDX-License-Identifier: GPL-3.0-or-later
"""What one look at the packages leaves for the next; losing it costs time, never truth.

The file begins with the slices of the sweep, each sealed by itself, so that a tick reads one alone.
"""

from __future__ import annotations

import marshal
from hashlib import blake2b
from typing import Any, Dict, List, NamedTuple, Tuple

from ..tick.rehash import SEAL, open_sealed
from ..tick.sweep import MAGIC, SLICES

UNKNOWN, SIGNED, LOCAL = 0, 1, 2
"""Whether a signed list vouches for a version: nobody could say, it does, or no list has it."""


class Record(NamedTuple):
    """What is remembered of a package."""

    version: str
    lists: str
    """The digest of its lists when this version was first seen."""
    origin: int
    since: int
    """When this version was first seen, seconds of ``Index.clock``; 0 at the very first look."""


class Part(NamedTuple):
    """Some of the files of a package, looked at together. Times are seconds of ``Index.clock``."""

    text: bytes
    """Their places, one a line."""
    digest: bytes
    """``tick.sweep.digest`` of them when they were last looked at."""
    key: str
    """The package."""
    looked: int
    read: int
    """When their content was last read; 0: not yet, or not with a result that may be kept."""
    size: int
    """Bytes of content."""


class Index(NamedTuple):
    """Everything that is remembered besides the parts that are at rest."""

    records: Dict[str, Record] = {}
    info: Dict[bytes, Tuple[bytes, str]] = {}
    """Name of a file below ``info`` -> its mark and digest."""
    known: Dict[str, Dict[str, bytes]] = {}
    """``NAME:ARCHITECTURE`` -> version -> essence, as signed lists have had it."""
    lists: Tuple[bytes, str] = (b"", "")
    """The mark of the lists that ``known`` was read from, and why they cannot vouch for anything."""
    gone: Dict[str, Tuple[bytes, ...]] = {}
    """Package -> places of files it had brought and has no more."""
    derived: Dict[str, Tuple[str, str]] = {}
    """``CHECK KEY`` -> digest of the value that was explained as derived, and the package."""
    wrong: Dict[bytes, Tuple[str, str]] = {}
    """Place of a file that is not as its package says -> package and SHA-256 (empty: missing)."""
    waiting: Tuple[Tuple[Any, ...], ...] = ()
    """Parts whose content is still to be read."""
    clock: int = 0
    """Seconds this machine has been running, counted by the agent over all reboots."""
    uptime: int = 0
    run: int = 0
    """Number of the run that wrote this; each later run looks at one slice."""
    pending: int = 0
    """Since when (of ``clock``) the package manager has been seen running at each look; 0: it was not."""
    items: Dict[str, Any] = {}
    """What was seen of the packages at the last look at which it was not running."""


Slice = Tuple[Tuple[Any, ...], ...]
"""Parts as plain tuples."""
_WORD = 8


def load(data: bytes) -> Tuple[Index, Tuple[Slice, ...]]:
    """The index and slices in ``data``; empty ones if they are not exactly what ``dump`` wrote."""
    try:
        bodies = [open_sealed(part) for part in _parts(memoryview(data))]
        # The seal says that this program wrote it, and only root can write where it is kept.
        records, *rest = bodies.pop()
        known = {key: Record(*record) for key, record in records.items()}
        return Index(known, *rest), tuple(bodies)
    except (ValueError, EOFError, TypeError, IndexError):
        return Index(), ()


def _parts(data: memoryview) -> List[memoryview]:
    start = len(MAGIC) + SLICES * _WORD
    if data[: len(MAGIC)] != MAGIC or len(data) < start:
        raise ValueError("an index of another release")
    ends = [int.from_bytes(data[at : at + _WORD], "big") for at in range(len(MAGIC), start, _WORD)]
    return [data[begin:end] for begin, end in zip([start, *ends], [*ends, len(data)])]


def dump(index: Index, slices: Tuple[Slice, ...]) -> bytes:
    """Both as bytes for ``load`` and for ``tick.sweep``."""
    end = len(MAGIC) + SLICES * _WORD
    table, parts = [], []
    for content in slices:
        parts.append(_seal(content))
        end += len(parts[-1])
        table.append(end.to_bytes(_WORD, "big"))
    records = {key: tuple(record) for key, record in index.records.items()}
    return b"".join((MAGIC, *table, *parts, _seal((records, *index[1:]))))


def _seal(content: Any) -> bytes:
    # Version 2: without references it is the quickest, and every Python reads it.
    body = marshal.dumps(content, 2)
    return blake2b(body, digest_size=SEAL).digest() + body
