# SPDX-License-Identifier: GPL-3.0-or-later
"""Hashes remembered from the last run; a lost or foreign index costs time, never truth."""

from __future__ import annotations

import marshal
from hashlib import blake2b
from typing import Any, Dict, Tuple

Record = Tuple[Any, str, Dict[str, str]]
"""``tick.tree.signature`` of the file, its SHA-256 and its extended attributes as fields."""
Records = Dict[bytes, Record]
"""Path as seen -> record."""

_MAGIC = b"vps-sentry files 1\n"
_CHECKSUM_BYTES = 16
_RACY_NANOSECONDS = 2_000_000_000


def load(data: bytes) -> Records:
    """The records in ``data``; none if it is not exactly what ``dump`` wrote."""
    start = len(_MAGIC) + _CHECKSUM_BYTES
    payload = data[start:]
    if data[:start] != _MAGIC + _checksum(payload):
        return {}
    try:
        # The checksum says that this program wrote it, and only root can write where it is kept.
        records = marshal.loads(payload)  # noqa: S302
    except (ValueError, EOFError, TypeError):
        return {}
    return records if isinstance(records, dict) else {}


def dump(records: Records) -> bytes:
    """``records`` as bytes for ``load``."""
    # Version 2: without references it is the quickest, and every Python reads it.
    payload = marshal.dumps(records, 2)
    return _MAGIC + _checksum(payload) + payload


def _checksum(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=_CHECKSUM_BYTES).digest()


def settled(ctime_nanoseconds: int, now: int) -> bool:
    """Whether a hash begun at ``now`` (seconds) may be kept.

    A file written again within one tick of the file system's clock would look unmoved (git: racily clean).
    """
    return ctime_nanoseconds + _RACY_NANOSECONDS <= now * 1_000_000_000
