# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamp kind ``stat``: the stat records of a few paths, links not followed."""

from posix import lstat


def take(*paths: str) -> bytes:
    """Everything of each path's stat record that moves when it or its content does; absence is a value."""
    return repr([_record(path) for path in paths]).encode()


def _record(path: str) -> "tuple[int, ...]":
    try:
        found = lstat(path)
    except OSError as exc:
        return (exc.errno or 0,)
    return found.st_dev, found.st_ino, found.st_mode, found.st_uid, found.st_size, found.st_mtime_ns, found.st_ctime_ns
