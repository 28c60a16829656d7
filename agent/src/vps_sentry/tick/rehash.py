# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamp kind ``rehash``: the content of a few files, read again at each tick so that within a day all of them are.

It finds what no time stamp shows: a clock set back, a disk written below the file system, a mapping kept open.
"""

import posix
from _blake2 import blake2b
from marshal import loads

from . import heartbeat, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

    Slice = list[tuple[bytes, int, bytes]]
    """Place, bytes and SHA-256 of each file; an empty one says that only a full look reads it."""

NAME = b"/files.index"
MAGIC = b"vps-sentry files 3\n"
SEAL = 16
SLICES = 24
"""How many ticks one index serves: two hours, then a full look chooses anew."""
LARGE = 64 * 1024 * 1024
"""Bytes above which content is left to a full look."""

_WORD = 8
_MANY_BYTES = 640 * 1024
_CHUNK = 64 * 1024
_FORMAT, _REGULAR = 0o170000, 0o100000


def take(state: bytes, run: int) -> bytes:
    """Nothing when all files of this tick's slice still have their content; else a value that never comes twice.

    ``state`` is the state directory, ``run`` the number of the run that wrote its index: the heartbeat says how many
    have ended since. Raises OSError for what cannot be read, ValueError for a torn file or a slice that is not there.
    """
    number = heartbeat.run_of(plain.read(state + heartbeat.NAME.encode())) - run
    return b"" if unchanged(load(state + NAME, number)) else posix.urandom(16)


def load(index: bytes, number: int, *, magic: bytes = MAGIC, slices: int = SLICES) -> "Any":
    """Slice ``number`` of an index (a ``Slice`` of this kind's own), read without the rest of it.

    Raises OSError or ValueError.
    """
    if not 0 <= number < slices:
        raise ValueError("the slices are used up")
    handle = posix.open(index, posix.O_RDONLY | posix.O_NONBLOCK | posix.O_CLOEXEC)
    try:
        table, start = len(magic), len(magic) + slices * _WORD
        head = posix.pread(handle, start, 0)
        if head[:table] != magic or len(head) != start:
            raise ValueError("an index of another release")
        ends = [start, *(int.from_bytes(head[at : at + _WORD], "big") for at in range(table, start, _WORD))]
        return open_sealed(posix.pread(handle, ends[number + 1] - ends[number], ends[number]))
    finally:
        posix.close(handle)


def open_sealed(data: "Union[bytes, memoryview]") -> "Any":
    """What ``seal`` was given. Raises ValueError for anything torn or foreign."""
    body = data[SEAL:]
    # marshal may crash on bytes it did not write, so nothing unsealed ever reaches it.
    if blake2b(body, digest_size=SEAL).digest() != data[:SEAL]:
        raise ValueError("the index does not match its seal")
    return loads(body)  # noqa: S302 - sealed, and only root can write it


def unchanged(files: "Slice") -> bool:
    """Whether each file is there, regular, and has the content it had. Raises OSError for what cannot be read."""
    new = _hasher(sum(size for _, size, _ in files))
    return all(size <= LARGE and digest == _content(place, size, new) for place, size, digest in files)


def _hasher(total: int) -> "Any":
    """OpenSSL's SHA-256 is four times quicker than Python's own and costs 3 MiB and 2 ms to import."""
    if total <= _MANY_BYTES:
        for name in ("_sha2", "_sha256"):
            try:
                return __import__(name).sha256
            except ImportError:
                # The one before Python 3.12, the other since; some distributions leave both out.
                continue
    from _hashlib import openssl_sha256

    return openssl_sha256


def _content(place: bytes, size: int, new: "Any") -> bytes:
    """SHA-256 of the first ``size`` bytes of a regular file, nothing for anything else, which is never opened."""
    found = posix.open(place, posix.O_PATH | posix.O_NOFOLLOW | posix.O_CLOEXEC)
    try:
        if posix.fstat(found).st_mode & _FORMAT != _REGULAR:
            return b""
        handle = _open(b"/proc/self/fd/%d" % found, posix.O_RDONLY | posix.O_NONBLOCK | posix.O_CLOEXEC)
    finally:
        posix.close(found)
    try:
        digest = new()
        while size > 0:
            chunk = posix.read(handle, min(size, _CHUNK))
            if not chunk:
                break
            digest.update(chunk)
            size -= len(chunk)
        return bytes(digest.digest())
    finally:
        posix.close(handle)


def _open(path: bytes, flags: int) -> int:
    try:
        return posix.open(path, flags | posix.O_NOATIME)
    except PermissionError:
        # Only the owner may read without leaving a trace in the access time.
        return posix.open(path, flags)
