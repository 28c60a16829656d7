# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a file still is what its package brought: content against the digest in the package's own list."""

from __future__ import annotations

import errno
import hashlib
import os
from typing import Any, Iterable, NamedTuple

from ..host import open_regular
from ..tick.tree import signature

SAME, DIFFERS, MISSING, UNREADABLE = "same", "differs", "missing", "unreadable"
_CHUNK = 256 * 1024
_RACY_NANOSECONDS = 2_000_000_000


class Content(NamedTuple):
    """What was found at a place."""

    verdict: str
    sha256: str = ""
    """Of a file that differs, or when it was asked for."""
    size: int = 0
    settled: bool = True
    """Whether its time stamps are old enough that a later change would move them."""


class Expected(NamedTuple):
    """What a package's list says: the name of the hash, and the digest in hex."""

    algorithm: str
    digest: str


def compare(place: bytes, expected: Expected, *, now: int, sha256: bool = False) -> Content:
    """Read the file at ``place``, a path of the running system. ``now`` is seconds since the epoch.

    A link, a directory or anything else that is no file differs; one that grows while it is read ends where it did
    at first.
    """
    try:
        handle = _open(place)
    except OSError as exc:
        return _refused(exc)
    try:
        before = os.fstat(handle)
        names = {expected.algorithm, "sha256"} if sha256 else {expected.algorithm}
        digests = {name: hashlib.new(name, usedforsecurity=False) for name in names}
        _read(handle, before.st_size, digests.values())
        moved = signature(os.fstat(handle)) != signature(before)
    except OSError as exc:
        return _refused(exc)
    finally:
        os.close(handle)
    right = digests[expected.algorithm].hexdigest() == expected.digest
    if not right and not sha256:
        return compare(place, expected, now=now, sha256=True)
    settled = not moved and before.st_ctime_ns + _RACY_NANOSECONDS <= now * 1_000_000_000
    said = digests["sha256"].hexdigest() if sha256 else ""
    return Content(SAME if right else DIFFERS, said, before.st_size, settled)


def _refused(exc: OSError) -> Content:
    if exc.errno in (errno.ENOENT, errno.ENOTDIR):
        return Content(MISSING)
    return Content(DIFFERS if exc.errno == errno.EINVAL else UNREADABLE)


def _open(place: bytes) -> int:
    try:
        return open_regular(place, flags=os.O_NOATIME)
    except PermissionError:
        # Only the owner and root may read without leaving a trace in the access time.
        return open_regular(place)


def _read(handle: int, left: int, digests: Iterable[Any]) -> None:
    while left > 0:
        chunk = os.read(handle, min(left, _CHUNK))
        if not chunk:
            return
        for digest in digests:
            digest.update(chunk)
        left -= len(chunk)
