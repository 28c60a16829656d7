# SPDX-License-Identifier: GPL-3.0-or-later
"""Hashes remembered from the last run; a lost or foreign index costs time, never truth.

The file begins with the slices of the rolling re-hash, each sealed by itself, so that a tick reads one alone.
"""

from __future__ import annotations

import marshal
from hashlib import blake2b
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ..tick import tree
from ..tick.rehash import MAGIC, SEAL, SLICES, open_sealed


class Record(NamedTuple):
    """What is remembered of a file. Times are seconds of ``Index.clock``."""

    mark: Optional[bytes]
    """``mark`` of its stat record when it was read; None if it was not."""
    sha256: str
    """Empty: not read yet."""
    extended: Dict[str, str]
    """Its extended attributes as fields."""
    read_at: int
    turn: Optional[int]
    """When its last turn in the rolling re-hash was."""

    def pack(self) -> bytes:
        """As it is kept: a seventh of the memory, and there are as many as files."""
        mark, sha256, extended, read_at, turn = self
        return marshal.dumps((mark, bytes.fromhex(sha256), extended or None, read_at, turn), 2)


Records = Dict[bytes, bytes]
"""Path as seen -> packed record."""
Slice = List[Tuple[bytes, int, bytes]]
"""What one tick reads again: place, bytes and SHA-256 of each file, as ``tick.rehash`` takes it."""


class Index(NamedTuple):
    """What one look at the files leaves for the next."""

    records: Records
    clock: int = 0
    """Seconds this machine has been running, counted by the agent over all reboots."""
    uptime: int = 0
    """Seconds since boot, suspension left out, when this was written."""
    run: int = 0
    """Number of the run that wrote this; each later run reads one slice."""
    slices: Tuple[Slice, ...] = ()


_WORD = 8
_RACY_NANOSECONDS = 2_000_000_000
_FUTURE_NANOSECONDS = 60 * 1_000_000_000


def unpack(packed: bytes) -> Record:
    """The record that ``Record.pack`` was called on."""
    # Sealed as part of the index, or made by this very run.
    mark, sha256, extended, read_at, turn = marshal.loads(packed)  # noqa: S302
    return Record(mark, sha256.hex(), extended or {}, read_at, turn)


def mark(found: Any) -> bytes:
    """16 bytes that differ whenever ``tick.tree.signature`` of a file does."""
    return blake2b(marshal.dumps(tree.signature(found), 2), digest_size=16).digest()


def load(data: bytes) -> Index:
    """The index in ``data``; an empty one if it is not exactly what ``dump`` wrote."""
    try:
        bodies = [open_sealed(part) for part in _parts(memoryview(data))]
        # The seal says that this program wrote it, and only root can write where it is kept.
        records, clock, uptime, run = bodies.pop()
        return Index(records, clock, uptime, run, tuple(bodies))
    except (ValueError, EOFError, TypeError, IndexError):
        return Index({})


def _parts(data: memoryview) -> List[memoryview]:
    start = len(MAGIC) + SLICES * _WORD
    if data[: len(MAGIC)] != MAGIC or len(data) < start:
        raise ValueError("an index of another release")
    ends = [int.from_bytes(data[at : at + _WORD], "big") for at in range(len(MAGIC), start, _WORD)]
    return [data[begin:end] for begin, end in zip([start, *ends], [*ends, len(data)])]


def dump(index: Index) -> bytes:
    """``index`` as bytes for ``load`` and for ``tick.rehash``."""
    slices = [_seal(entries) for entries in (*index.slices, *[[]] * SLICES)[:SLICES]]
    end = len(MAGIC) + SLICES * _WORD
    table, parts = [], []
    for seal, body in slices:
        end += len(seal) + len(body)
        table.append(end.to_bytes(_WORD, "big"))
        parts += [seal, body]
    return b"".join((MAGIC, *table, *parts, *_seal((index.records, index.clock, index.uptime, index.run))))


def _seal(content: Any) -> Tuple[bytes, bytes]:
    # Version 2: without references it is the quickest, and every Python reads it.
    body = marshal.dumps(content, 2)
    return blake2b(body, digest_size=SEAL).digest(), body


def settled(ctime_nanoseconds: int, now: int) -> bool:
    """Whether a hash begun at ``now`` (seconds) may be kept.

    A file written again within one tick of the file system's clock would look unmoved (git: racily clean).
    """
    return ctime_nanoseconds + _RACY_NANOSECONDS <= now * 1_000_000_000


def ahead(ctime_nanoseconds: int, now: int) -> bool:
    """Whether a time stamp lies so far ahead that waiting for it to pass would keep every tick awake."""
    return ctime_nanoseconds > now * 1_000_000_000 + _FUTURE_NANOSECONDS
