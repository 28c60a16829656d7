# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a file really lies, who may write to it, and whose stat records show that one of these moved."""

from __future__ import annotations

import os
import stat
from typing import Iterator, List, NamedTuple, Optional, Tuple

from ..core.canonical import escape
from ..core.model import Value
from ..errors import CollectError
from ..host import Host

_HOPS = 40
OTHERS_WRITE = 0o022
_TYPES = ((stat.S_ISREG, "file"), (stat.S_ISDIR, "directory"), (stat.S_ISLNK, "link"), (stat.S_ISFIFO, "fifo"))


class Content(NamedTuple):
    """What a file holds, or why that is not known."""

    data: bytes
    problem: str = ""


def hops(host: Host, path: bytes) -> List[bytes]:
    """``path`` and where each link in its place leads, as seen inside the root; the last is no link."""
    found = [path]
    while len(found) <= _HOPS:
        try:
            target = os.readlink(host.locate(found[-1]))
        except OSError:
            return found
        found.append(os.path.join(os.path.dirname(found[-1]), target))
    return found


def stamped(host: Host, path: bytes) -> Iterator[str]:
    """Paths for the stamp ``stat`` that move when the file under ``path`` does, whatever links lead to it.

    On the running system the kernel goes through linked directories anew each time.
    """
    for hop in hops(host, path):
        yield seen(host, hop)


def seen(host: Host, path: bytes) -> str:
    """A path as a stamp names it."""
    try:
        return os.fsdecode(path if host.live else host.locate(path))
    except OSError:
        return os.fsdecode(path)


def record(host: Host, path: bytes) -> Optional[os.stat_result]:
    """The stat record of the place itself, a link not followed; None when there is nothing."""
    try:
        return os.lstat(host.locate(path))
    except OSError:
        return None


def facts(host: Host, path: bytes) -> Value:
    """Type, mode, owner and target of what lies at ``path``; of a link also what it leads to. Empty: nothing."""
    found = record(host, path)
    if found is None:
        return {}
    value = _facts(found)
    if value["type"] == "link":
        end = hops(host, path)[-1]
        there = record(host, end)
        value["target"] = escape(end)
        value.update({f"target_{name}": fact for name, fact in (_facts(there) if there else {}).items()})
    return value


def _facts(found: os.stat_result) -> Value:
    kind = next((name for is_it, name in _TYPES if is_it(found.st_mode)), "special file")
    return {"type": kind, "mode": f"{stat.S_IMODE(found.st_mode):04o}", "uid": found.st_uid, "gid": found.st_gid}


def read(host: Host, path: str, *, limit: int) -> Content:
    """What a regular file holds; a missing one is a problem too."""
    try:
        return Content(host.read(path, limit=limit))
    except CollectError as exc:
        return Content(b"", str(exc))


def exists(host: Host, path: bytes) -> bool:
    """Whether anything lies there, a dangling link included."""
    return record(host, path) is not None


def others_write(host: Host, path: bytes, *, owners: Tuple[int, ...]) -> List[str]:
    """Of the file and every directory above it those that somebody else than ``owners`` may write, in words.

    A directory with the sticky bit only lets everybody add to it.
    """
    end = hops(host, path)[-1]
    found: List[str] = []
    while end not in (b"", b"/"):
        there = record(host, end)
        if there is not None:
            if there.st_uid not in owners:
                found.append(f"{escape(end)} belongs to uid {there.st_uid}")
            if there.st_mode & OTHERS_WRITE and not there.st_mode & stat.S_ISVTX and not stat.S_ISLNK(there.st_mode):
                found.append(f"{escape(end)} has mode {stat.S_IMODE(there.st_mode):04o}")
        end = os.path.dirname(end.rstrip(b"/"))
    return found
