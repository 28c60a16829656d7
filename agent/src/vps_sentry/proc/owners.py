# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processes hold a socket: program, systemd unit and user, as /proc shows them."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from typing import Collection, Dict, Iterator, List, Mapping, NamedTuple, Set, Tuple

from ..core.canonical import escape

UNKNOWN = "unknown"
FOREIGN = " (not the file of that name here)"
"""Behind the path of a program seen through another mount namespace, a container's or a forger's."""
DELETED = " (deleted)"

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_UNIT = re.compile(rb"(?<=/)[^/]+\.(?:service|scope|mount|socket|swap)(?=/|$)")
# What systemd and container engines number afresh each time must not look like another unit each time.
FRESH = re.compile(
    r"(?<=^session-)c?[0-9]+(?=\.scope$)"
    r"|(?<=^run-)(?:[ru]?[0-9a-f]+|p[0-9]+-i[0-9]+)(?=\.(?:scope|service)$)"
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{12,}"
    r"|(?<=-)[0-9]+(?=\.scope$)"
)


@dataclass(frozen=True, order=True)
class Owner:
    """A holder of a socket. ``exe`` keeps the kernel's mark `` (deleted)``; ``unknown`` where /proc gives nothing."""

    exe: str
    unit: str
    user: str


class Witness(NamedTuple):
    """By what a quiet tick can tell that a socket is still where it was: the oldest process that holds it."""

    started: int
    """In clock ticks since boot."""
    path: str
    """``/proc/PID/fd/N``."""
    device: int
    """Of the program, as ``inode`` is."""
    inode: int


class Found(NamedTuple):
    """Who holds each socket, and the witness for it, by socket inode; one without a visible holder is in neither."""

    owners: Dict[int, Set[Owner]]
    witnesses: Dict[int, Witness]


def find(inodes: Collection[int], users: Mapping[int, str], *, threads: bool = False, proc: str = "/proc") -> Found:
    """Owners of the given socket inodes.

    ``threads`` looks into the file table of each thread, which may differ from its process's.
    Raises OSError when ``proc`` itself cannot be listed.
    """
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found = Found({}, {})
    for name in os.listdir(proc) if wanted else ():
        if name.isdigit():
            for inode, owner, witness in _holdings(f"{proc}/{name}", wanted, users=users, threads=threads):
                found.owners.setdefault(inode, set()).add(owner)
                found.witnesses[inode] = min(witness, found.witnesses.get(inode, witness))
    return found


def _holdings(
    path: str, wanted: Mapping[str, int], *, users: Mapping[int, str], threads: bool
) -> List[Tuple[int, Owner, Witness]]:
    # One descriptor of the process for all questions: a reused pid cannot answer for another process.
    try:
        process = os.open(path, _DIRECTORY)
    except OSError:
        return []
    try:
        held = {
            wanted[link]: place
            for table in _tables(process, threads)
            for place, link in _links(process, table)
            if link in wanted
        }
        if not held:
            return []
        owner, started, program = _describe(process, users), _started(process), _program(process)
    finally:
        os.close(process)
    return [(inode, owner, Witness(started, f"{path}/{place}", *program)) for inode, place in held.items()]


def _tables(process: int, threads: bool) -> List[str]:
    if not threads:
        return ["fd"]
    return [f"task/{thread}/fd" for thread in _names(process, "task")]


def _names(process: int, path: str) -> List[str]:
    try:
        directory = os.open(path, _DIRECTORY, dir_fd=process)
    except OSError:
        return []  # Ended, or another user's: what it holds stays without an owner and is shown so.
    try:
        return os.listdir(directory)
    except OSError:
        return []
    finally:
        os.close(directory)


def _links(process: int, table: str) -> Iterator[Tuple[str, str]]:
    for name in _names(process, table):
        try:
            yield f"{table}/{name}", os.readlink(f"{table}/{name}", dir_fd=process)
        except OSError:
            continue


def _describe(process: int, users: Mapping[int, str]) -> Owner:
    try:
        path = os.readlink(b"exe", dir_fd=process)
        exe = escape(path) + ("" if path.endswith(b" (deleted)") or _is_here(process, path) else FOREIGN)
    except OSError:
        exe = UNKNOWN
    return Owner(exe, parse_unit(_read(process, "cgroup")), parse_user(_read(process, "status"), users))


def _started(process: int) -> int:
    # proc(5): the name in parentheses may hold anything, the start time is the 20th field behind it.
    fields = _read(process, "stat").rpartition(b")")[2].split()
    return int(fields[19]) if len(fields) > 19 else sys.maxsize


def _program(process: int) -> Tuple[int, int]:
    """Device and inode of the program; zeros, which no program has, where it is not shown."""
    try:
        exe = os.stat("exe", dir_fd=process)
    except OSError:
        return 0, 0
    return exe.st_dev, exe.st_ino


def _is_here(process: int, path: bytes) -> bool:
    """Whether the program is the file that this path names for us: a mount of its own can lend it any name."""
    try:
        own, named = os.stat("exe", dir_fd=process), os.stat(path)
    except OSError:
        return False
    return (own.st_dev, own.st_ino) == (named.st_dev, named.st_ino)


def _read(process: int, name: str) -> bytes:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=process)
        with open(descriptor, "rb") as handle:
            return handle.read(65536)
    except OSError:
        return b""


def parse_unit(cgroup: bytes) -> str:
    """The unit in a /proc/PID/cgroup: the outermost, and the innermost behind a slash when they differ.

    So a unit of a user's own manager never reads like a unit of the system. ``none`` for a process
    outside of all units, ``unknown`` where the file says nothing.
    """
    paths = dict(line.split(b":", 2)[1:] for line in cgroup.splitlines() if line.count(b":") >= 2)
    units = _UNIT.findall(paths.get(b"name=systemd") or paths.get(b"", b""))
    if not units:
        return "none" if paths else UNKNOWN
    names = [FRESH.sub("*", escape(unit)) for unit in (units[0], units[-1])]
    return names[0] if len(units) == 1 else "/".join(names)


def parse_user(status: bytes, users: Mapping[int, str]) -> str:
    """The name of the effective user in a /proc/PID/status; ``unknown`` without one."""
    for line in status.splitlines():
        fields = line.split()
        if fields[:1] == [b"Uid:"] and len(fields) == 5 and fields[2].isdigit():
            return user_name(int(fields[2]), users)
    return UNKNOWN


def user_name(uid: int, users: Mapping[int, str]) -> str:
    """The name of ``uid``, ``uid:N`` for one that passwd(5) does not name."""
    return users.get(uid, f"uid:{uid}")


def parse_passwd(data: bytes) -> Dict[int, str]:
    """User names by uid from passwd(5); of several names the first, as getpwuid(3) does."""
    users: Dict[int, str] = {}
    for line in data.split(b"\n"):
        fields = line.split(b":")
        if len(fields) >= 3 and fields[2].isdigit():
            users.setdefault(int(fields[2]), escape(fields[0]))
    return users
