# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of programs that let people in, from /proc: who started them, as whom they run, since when."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from typing import Dict, List, NamedTuple, Optional, Set, Tuple

PROC = "/proc"
SSHD = ("sshd", "sshd-session", "sshd-auth")
UNSET = 0xFFFFFFFF
"""loginuid of a process nobody logged in for."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_HIDDEN = (errno.EACCES, errno.EPERM)
Place = Tuple[Tuple[int, int], str]
"""Root directory (device, inode) and mount namespace."""


class Process(NamedTuple):
    """One process of such a program."""

    pid: int
    program: str
    """Name of its executable's file, whatever it calls itself."""
    parent: int
    uid: int
    """Effective."""
    start: int
    """Clock ticks since boot."""
    title: bytes
    """What it calls itself, arguments apart by NUL unless it chose otherwise."""
    loginuid: int
    inner: int
    """Its pid in its own namespace."""
    jailed: bool
    """Whether its root directory is another than that of PID 1."""
    foreign: bool
    """Whether it belongs to a container: another root directory in another mount namespace."""


@dataclass
class Tree:
    """The processes found, and what could not be looked at."""

    processes: Dict[int, Process] = field(default_factory=dict)
    listed: Set[int] = field(default_factory=set)
    hidden: int = 0
    """Processes whose program we may not see."""

    def kids(self, pid: int) -> List[Process]:
        """Children among the processes found."""
        return [process for process in self.processes.values() if process.parent == pid]


def program(link: str) -> str:
    """The file name in a /proc/PID/exe, without what the kernel and package managers put behind a replaced one."""
    name = link[: -len(" (deleted)")] if link.endswith(" (deleted)") else link
    return name.rpartition("/")[2].partition(".dpkg-")[0].partition(";")[0]


def look(wanted: Set[str], proc: str = PROC) -> Tree:
    """Every process whose program is called one of ``wanted``. Raises OSError when ``proc`` cannot be listed."""
    tree = Tree()
    root = _place(f"{proc}/1")
    for name in sorted((name for name in os.listdir(proc) if name.isdigit()), key=int):
        tree.listed.add(int(name))
        try:
            called = program(os.readlink(f"{proc}/{name}/exe"))
        except OSError as exc:
            # Kernel threads and what has just ended have no program at all; PID 1 lets nobody in.
            tree.hidden += exc.errno in _HIDDEN and name != "1"
            continue
        if called in wanted:
            process = _process(f"{proc}/{name}", int(name), called=called, root=root)
            if process is not None:
                tree.processes[process.pid] = process
    return tree


def exe(pid: int, proc: str = PROC) -> str:
    """The program of one process; empty when it cannot be told."""
    try:
        return program(os.readlink(f"{proc}/{pid}/exe"))
    except OSError:
        return ""


def _process(path: str, pid: int, *, called: str, root: Place) -> Optional[Process]:
    # One descriptor for all questions: a reused pid cannot answer for another process.
    try:
        directory = os.open(path, _DIRECTORY)
    except OSError:
        return None
    try:
        # The name may hold anything, so what follows is counted from its last bracket.
        fields = _read(directory, "stat").rpartition(b")")[2].split()
        status = {line.partition(b":")[0]: line.split()[1:] for line in _read(directory, "status").split(b"\n")}
        place = _place(path)
        return Process(
            pid=pid,
            program=called,
            parent=int(fields[1]),
            uid=int(status[b"Uid"][1]),
            start=int(fields[19]),
            title=_read(directory, "cmdline"),
            loginuid=int(_read(directory, "loginuid") or UNSET),
            inner=int(status.get(b"NSpid", [b"%d" % pid])[-1]),
            jailed=place[0] != root[0],
            foreign=place[0] != root[0] and place[1] != root[1],
        )
    except (OSError, LookupError, ValueError):
        return None  # Ended while being looked at.
    finally:
        os.close(directory)


def _read(directory: int, name: str) -> bytes:
    try:
        with open(os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory), "rb") as handle:
            return handle.read(65536)
    except FileNotFoundError:
        return b""


def _place(path: str) -> Place:
    """Where a process lives; the same for all of whom it may not be seen."""
    try:
        root = os.stat(f"{path}/root")
        return (root.st_dev, root.st_ino), os.readlink(f"{path}/ns/mnt")
    except OSError:
        return (0, 0), ""
