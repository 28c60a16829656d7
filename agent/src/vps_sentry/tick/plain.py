# SPDX-License-Identifier: GPL-3.0-or-later
"""State files read and written without waiting: what somebody put in their place (a FIFO) must not stop every tick."""

from errno import EINVAL
from posix import O_NONBLOCK, fstat, replace, unlink
from posix import open as posix_open

_FORMAT, _REGULAR = 0o170000, 0o100000


def read(path: "str | bytes") -> bytes:
    """Content of a regular file. Raises OSError, EINVAL for anything else."""
    with open(path, "rb", buffering=0, opener=_at_once) as handle:
        if fstat(handle.fileno()).st_mode & _FORMAT != _REGULAR:
            raise OSError(EINVAL, "not a regular file")
        return handle.readall()


def _at_once(path: str, flags: int) -> int:
    return posix_open(path, flags | O_NONBLOCK)


def write(folder: str, name: str, *, data: bytes) -> None:
    """Replace a file atomically. Not synced: for what a power cut may take, since its loss costs no more than time."""
    temporary = f"{folder}/.{name}.new"
    try:
        _put(temporary, data)
    except FileExistsError:
        # Left by a power cut, or put there by somebody: a FIFO would be waited for.
        unlink(temporary)
        _put(temporary, data)
    replace(temporary, f"{folder}/{name}")


def _put(path: str, data: bytes) -> None:
    with open(path, "xb", opener=_private) as handle:
        handle.write(data)


def _private(path: str, flags: int) -> int:
    return posix_open(path, flags, 0o600)
