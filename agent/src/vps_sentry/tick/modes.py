# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamp kind ``modes``: type, mode and owner of a few directories, whose content and time stamps do not matter."""

from posix import lstat


def take(*paths: str) -> bytes:
    """What decides who may write there; absence is a value. Links are not followed."""
    return repr([_record(path) for path in paths]).encode()


def _record(path: str) -> "tuple[int, ...]":
    try:
        found = lstat(path)
    except OSError as exc:
        return (exc.errno or 0,)
    return found.st_mode, found.st_uid, found.st_gid
