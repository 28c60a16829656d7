# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a state file without waiting: what root put in its place (a FIFO, a device) must not stop every tick."""

from errno import EINVAL
from posix import O_NONBLOCK, fstat
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
