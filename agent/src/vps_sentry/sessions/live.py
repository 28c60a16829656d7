# SPDX-License-Identifier: GPL-3.0-or-later
"""Everybody who is logged in, each once, whichever witness knows of him; and the stamp that holds while they stay."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import List, Mapping, Tuple

from ..errors import CollectError
from ..host import Host
from ..tick import sessions as stamp
from . import logind, processes, utmp
from .processes import Seen, Server
from .session import Session

_SLACK = 2
"""Seconds by which two clocks of the kernel may differ."""


@dataclass(frozen=True)
class Live:
    """One look at the live sessions."""

    sessions: Tuple[Session, ...]
    servers: Tuple[Server, ...]
    watched: Tuple[int, ...]
    warden: int
    """The uid of sshd's own user."""
    settled: str
    """What the stamp must find unchanged; empty when it must look again in any case."""
    problems: Tuple[str, ...]
    """What could not be looked at."""


def places(host: Host) -> Tuple[str, str]:
    """Where logind keeps its sessions, and the processes."""
    directory = os.fsdecode(host.locate(os.fsencode(logind.DIRECTORY)))
    return directory, os.path.join(host.root, "proc")


def look(host: Host, names: Mapping[int, str], *, now: int) -> Live:
    """The live sessions. A witness that cannot be asked is a problem in words, the others still count."""
    directory, proc = places(host)
    problems: List[str] = []
    # Taken before the look, so that whoever comes in between is found by the next one.
    before = stamp.children(1, proc)
    try:
        known, unread = logind.read(directory)
        problems += unread
    except CollectError as exc:
        known = []
        problems.append(str(exc))
    try:
        seen = processes.look(names, now=now, proc=proc)
    except OSError as exc:
        seen = Seen(settled=False, problems=(f"cannot list {proc}: {exc.strerror}",))
    try:
        terminals = utmp.read(host, utmp.UTMP)
    except CollectError as exc:
        terminals = []
        problems.append(str(exc))
    everybody = unite(known, seen.sessions, terminals=_alive(terminals, proc))
    settled, warden = "", processes.warden(names)
    if seen.settled and before == stamp.children(1, proc):
        settled = stamp.look(directory, seen.watched, proc=proc, warden=warden)
    return Live(everybody, seen.servers, seen.watched, warden, settled, (*problems, *seen.problems))


def unite(known: List[Session], seen: Tuple[Session, ...], *, terminals: List[Session]) -> Tuple[Session, ...]:
    """logind's sessions, those of processes it knows nothing of, and terminals neither of them knows."""
    # A number that was used again, by a process younger than the session, is another process.
    leaders = {pid: session.begin for session in known for pid in session.pids}
    alone = [s for s in seen if not any(s.begin <= leaders.get(pid, -1) + _SLACK for pid in s.pids)]
    taken = {pid for session in (*known, *seen) for pid in session.pids}
    users = {(session.user, session.address) for session in (*known, *seen)}
    others = [each for each in terminals if not taken & set(each.pids) and (each.user, each.address) not in users]
    return (*known, *alone, *others)


def _alive(terminals: List[Session], proc: str) -> List[Session]:
    """A record that outlived its session (a crash, a reboot) is none."""
    return [session for session in terminals if os.path.exists(f"{proc}/{session.pids[0]}")]
