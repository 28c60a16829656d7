# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamp of live sessions: logind's files, the children of PID 1, and the children of each login server.

A new sshd, by hand or by a unit, is a child of PID 1; a new connection is a child of its server. What neither shows
(an sshd kept running inside somebody's session) is left to the looks that believe no stamp.
"""

from _blake2 import blake2b
from posix import getpid, getppid, listdir, stat, urandom


def take(settled: str, directory: str, proc: str, *servers: int) -> bytes:
    """Nothing while everything is as ``settled`` says, else a value that never comes twice; empty is never settled."""
    return b"" if settled and look(directory, servers, proc=proc) == settled else urandom(16)


def look(directory: str, servers: "tuple[int, ...]", *, proc: str) -> str:
    """A digest over the sessions in ``directory`` and who is whose child. Raises OSError other than absence."""
    own = {b"%d" % getpid(), b"%d" % getppid()}
    text = repr([_sessions(directory), [sorted(children(pid, proc) - own) for pid in (1, *servers)]])
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _sessions(directory: str) -> "list[tuple[str, int, int]] | None":
    try:
        names = listdir(directory)
    except FileNotFoundError:
        return None
    found = []
    for name in sorted(names):
        # A session's FIFO, and a file that is being written anew.
        if name.endswith(".ref") or name.startswith("."):
            continue
        try:
            entry = stat(f"{directory}/{name}")
        except FileNotFoundError:
            continue
        found.append((name, entry.st_ino, entry.st_mtime_ns))
    return found


def children(pid: int, proc: str) -> "set[bytes]":
    """The child processes of the main thread of ``pid``; none when it is gone or the kernel does not tell."""
    try:
        with open(f"{proc}/{pid}/task/{pid}/children", "rb", buffering=0) as handle:
            return set(handle.readall().split())
    except (FileNotFoundError, ProcessLookupError):
        return set()
