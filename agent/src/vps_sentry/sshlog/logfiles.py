# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a text log, packed ones too: opened without surprise, told apart by content, read without holes."""

from __future__ import annotations

import contextlib
import os
import stat
from hashlib import sha256
from typing import IO, BinaryIO, Iterator, List, Tuple

from ..errors import CollectError

PACKED_LIMIT = 256 * 1024 * 1024
"""Most bytes unpacked to find where one packed file goes on, about a second of CPU."""
_MARK = 1024
_STEP = 64 * 1024
_MODULES = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}
PACKED = tuple(_MODULES)
UNREADABLE = (".zst", ".lz4", ".Z")
"""Packed in a way the standard library cannot undo."""


@contextlib.contextmanager
def opened(path: str) -> Iterator[IO[bytes]]:
    """A regular file for reading, unpacked if its name says that it is packed. Never waits for a FIFO.

    Raises CollectError, also for what goes wrong while a packed file is read.
    """
    with _open(path) as raw:
        if path.endswith(PACKED):
            with _unpacked(path, raw) as handle:
                yield handle
        else:
            yield raw


@contextlib.contextmanager
def _unpacked(path: str, raw: BinaryIO) -> Iterator[IO[bytes]]:
    import importlib
    import zlib

    # None is imported where nothing is packed; each raises errors of its own.
    module = importlib.import_module(_MODULES[os.path.splitext(path)[1]])
    own = getattr(module, "LZMAError", zlib.error)
    try:
        with module.open(raw, "rb") as handle:
            yield handle
    except (OSError, EOFError, ValueError, zlib.error, own) as exc:
        raise CollectError(f"cannot unpack {path}: {exc}") from exc


def _open(path: str) -> BinaryIO:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        raise CollectError(f"cannot read {path}: {exc.strerror}") from exc
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise CollectError(f"cannot read {path}: not a regular file")
    return open(descriptor, "rb", buffering=0)


def size(handle: IO[bytes]) -> int:
    """Bytes in an opened file; of a packed one those it unpacks to. Raises ValueError over 256 MiB of those."""
    if hasattr(handle, "readall"):
        return os.fstat(handle.fileno()).st_size
    handle.seek(0)
    found = 0
    while True:
        data = handle.read(_STEP)
        if not data:
            return found
        found += len(data)
        if found > PACKED_LIMIT:
            raise ValueError("unpacks to more than 256 MiB")


def mark(handle: IO[bytes], offset: int) -> str:
    """Digest of the 1 KiB before ``offset``: the same inode with other content is another log."""
    start = max(0, offset - _MARK)
    handle.seek(start)
    return sha256(handle.read(offset - start)).hexdigest()


def rotated(path: str) -> List[str]:
    """What the log was rotated into, oldest first: ``auth.log.1``, ``auth.log.2.gz``, ``secure-20261122``."""
    directory, name = os.path.split(path)
    found: List[Tuple[int, str]] = []
    for entry in os.scandir(directory):
        if entry.name.startswith((name + ".", name + "-")) and not entry.name.endswith(UNREADABLE):
            # Gone between listing and looking: rotated further.
            with contextlib.suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    found.append((status.st_mtime_ns, entry.path))
    return [path for _, path in sorted(found)]


class Stretch:
    """A stretch of an opened file as a ``read`` function, without zero bytes; ``zeros`` counts those.

    A writer that did not notice a truncation leaves a hole before its next line, a power cut may leave zeros.
    """

    def __init__(self, handle: IO[bytes], start: int, end: int) -> None:
        handle.seek(start)
        self._handle, self._left = handle, end - start
        self.zeros = 0

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes, empty at the end of the stretch."""
        while self._left > 0:
            data = self._handle.read(min(size, self._left))
            if not data:
                break
            self._left -= len(data)
            if b"\0" not in data:
                return data
            self._pass_over(data)
            data = data.replace(b"\0", b"")
            if data:
                return data
        return b""

    def _pass_over(self, data: bytes) -> None:
        self.zeros += data.count(b"\0")
        if data.strip(b"\0") or not hasattr(self._handle, "readall"):
            return
        here = self._handle.tell()
        try:
            there = os.lseek(self._handle.fileno(), here, os.SEEK_DATA)
        except OSError:
            # No data up to the end.
            there = here + self._left
        skipped = min(there - here, self._left)
        self.zeros += skipped
        self._left -= skipped
        self._handle.seek(here + skipped)
