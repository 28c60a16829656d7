# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of a regular file as SHA-256, read without side effects and not believed if it moved meanwhile."""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from typing import Dict, NamedTuple, Optional

from ..host import open_regular
from ..tick.tree import signature
from . import attributes

UNSTABLE = "unstable"
"""The reason given for a file that changed each time it was read."""

_CHUNK = 256 * 1024
_ATTEMPTS = 2


class Reading(NamedTuple):
    """What was read: the fstat that goes with the hash, or the ``problem`` that there is none."""

    found: os.stat_result
    sha256: Optional[str]
    extended: Dict[str, str]
    problem: Optional[str] = None


def read(name: bytes, expected: os.stat_result, *, descriptor: Optional[int]) -> Reading:
    """Hash the regular file ``name`` in the directory ``descriptor`` (None: an absolute path).

    ``expected`` is its lstat; what else stands there by now is a problem, and only opened if it is a regular file.
    """
    try:
        handle = _open(name, descriptor)
    except OSError as exc:
        return Reading(expected, None, {}, exc.strerror)
    try:
        return _read_stable(handle, expected)
    except OSError as exc:
        return Reading(expected, None, {}, exc.strerror)
    finally:
        os.close(handle)


def _open(name: bytes, descriptor: Optional[int]) -> int:
    try:
        return open_regular(name, directory=descriptor, flags=os.O_NOATIME | os.O_NOCTTY)
    except PermissionError:
        # Only the owner and root may read without leaving a trace in the access time.
        return open_regular(name, directory=descriptor, flags=os.O_NOCTTY)


def _read_stable(handle: int, expected: os.stat_result) -> Reading:
    for _ in range(_ATTEMPTS):
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode) or (before.st_ino, before.st_dev) != (expected.st_ino, expected.st_dev):
            break
        content = _digest(handle, before.st_size)
        extended = attributes.extended(handle)
        if signature(os.fstat(handle)) == signature(before):
            return Reading(before, content, extended)
        os.lseek(handle, 0, os.SEEK_SET)
    return Reading(expected, None, {}, UNSTABLE)


def _digest(handle: int, size: int) -> str:
    """SHA-256 of at most ``size`` bytes: a file that grows for ever ends all the same."""
    digest = sha256()
    while size > 0:
        chunk = os.read(handle, min(size, _CHUNK))
        if not chunk:
            break
        digest.update(chunk)
        size -= len(chunk)
    return digest.hexdigest()
