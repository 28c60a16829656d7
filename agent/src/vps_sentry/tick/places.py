# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamp kind ``places``: the stat records of many names, folder by folder, links not followed."""

import posix
from _blake2 import blake2b
from marshal import dumps

_FOLDER = posix.O_PATH | posix.O_DIRECTORY | posix.O_NOFOLLOW | posix.O_CLOEXEC


def take(*folders: "tuple[str, tuple[str, ...]]") -> bytes:
    """16 bytes that differ when a folder, or what bears one of the names in it, does; absence is a value.

    A name that comes or goes moves its folder.
    """
    digest = blake2b(digest_size=16)
    for folder, names in folders:
        try:
            descriptor = posix.open(folder, _FOLDER)
        except OSError as exc:
            digest.update(dumps((folder, exc.errno), 2))
            continue
        try:
            digest.update(dumps((folder, _records(descriptor, names)), 2))
        finally:
            posix.close(descriptor)
    return digest.digest()


def _records(folder: int, names: "tuple[str, ...]") -> "list[object]":
    stat = posix.stat
    try:
        found = [stat(name, dir_fd=folder, follow_symlinks=False) for name in names]
    except OSError:
        return [_record(folder, name) for name in names]
    return [(one[:7], one.st_mtime_ns, one.st_ctime_ns) for one in found]


def _record(folder: int, name: str) -> object:
    try:
        found = posix.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as exc:
        return exc.errno
    return found[:7], found.st_mtime_ns, found.st_ctime_ns


def grouped(paths: "list[str]") -> "tuple[tuple[str, tuple[str, ...]], ...]":
    """Arguments for ``take`` from paths; a folder is one that ends in ``/.``."""
    found: dict[str, list[str]] = {}
    for path in sorted(paths):
        folder, _, name = path.rpartition("/")
        found.setdefault(folder, []).append(name)
    return tuple((folder, tuple(names)) for folder, names in sorted(found.items()))
