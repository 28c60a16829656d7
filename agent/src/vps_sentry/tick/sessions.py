# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamp of live sessions: logind's files, the children of PID 1, and those of each login server that may be a login.

A new sshd, by hand or by a unit, is a child of PID 1; a new login is a child of its server. On a public server there
is always somebody at the door: a connection of sshd counts from the moment on in which its guard, the process of
sshd's own user in an empty directory that talks to whoever has not logged in yet, is gone. Whoever connects and says
nothing has no guard yet, for two minutes at most; sshd's process for him still has the title that it gets before any
user is named.
"""

from _blake2 import blake2b
from posix import getpid, getppid, listdir, readlink, stat, urandom
from time import time

_NAMELESS = (b"sshd: [accepted]", b"sshd-session: [accepted]")


def take(settled: str, again: int, warden: int, directory: str, proc: str, *servers: int) -> bytes:
    """Nothing while everything is as ``settled`` says, else a value that never comes twice; empty is never settled.

    ``again``: the time from which on it must be looked at in any case, seconds since the epoch; 0 = never.
    ``warden``: the uid of sshd's own user; 0 = there is none.
    """
    late = 0 < again <= time()
    return (
        b"" if settled and not late and look(directory, servers, proc=proc, warden=warden) == settled else urandom(16)
    )


def look(directory: str, servers: "tuple[int, ...]", *, proc: str, warden: int) -> str:
    """A digest over the sessions in ``directory`` and who is whose child. Raises OSError other than absence."""
    own = {b"%d" % getpid(), b"%d" % getppid()}
    inside = [sorted(entered(pid, proc, warden=warden)) for pid in servers]
    text = repr([_sessions(directory), sorted(children(1, proc) - own), inside])
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


def entered(pid: int, proc: str, *, warden: int) -> "set[bytes]":
    """The children of a server that are not, or no longer, connections at the door."""
    return {kid for kid in children(pid, proc) if not _at_the_door(kid, proc, warden)}


def _at_the_door(pid: bytes, proc: str, warden: int) -> bool:
    kids = children(int(pid), proc)
    return any(_guards(kid, proc, warden) for kid in kids) if kids else _nameless(pid, proc)


def _nameless(pid: bytes, proc: str) -> bool:
    place = f"{proc}/{int(pid)}"
    try:
        # The title is padded. Only root's own word counts: whoever logged in can call himself anything.
        return _read(place + "/cmdline").rstrip(b"\0 ") in _NAMELESS and _owners(place) == [b"0", b"0"]
    except OSError:
        return False


def _guards(pid: bytes, proc: str, warden: int) -> bool:
    place = f"{proc}/{int(pid)}"
    try:
        return bool(warden) and _owners(place) == [b"%d" % warden] * 2 and readlink(place + "/root") != "/"
    except OSError:
        return False


def _owners(place: str) -> "list[bytes]":
    """Real and effective uid, the first two of four."""
    return _read(place + "/status").partition(b"\nUid:")[2].split(None, 2)[:2]


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as handle:
        return handle.readall()
