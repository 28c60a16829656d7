# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins from the processes that serve them, where logind knows of none or there is no logind.

Judged by program, owner and parent: whoever is not root can make neither a root process of sshd nor a child of one.
What a process calls itself only decides between two states of the same root process of sshd.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional, Set, Tuple

from ..core.canonical import escape
from ..tick.sessions import children, entered
from . import peers, tree
from .session import SSH, Session
from .tree import SSHD, UNSET, Process, Tree

# Other programs that let people in, and whether the process of one login is a child of the same program.
OTHERS = {"dropbear": True, "dropbearmulti": True, "tailscaled": True, "in.telnetd": False, "telnetd": False,
          "in.rlogind": False, "in.rshd": False, "login": False}  # fmt: skip
# setproctitle(3) as sshd uses it once somebody is in: "sshd: root@pts/0", "sshd: root". Before: "sshd: root [priv]".
_IN = re.compile(rb"sshd(?:-session)?: ([^\[\]/ ]+?)(?:@\S*)?[ \0]*")
_LISTENER = re.compile(rb"sshd: (.*) \[listener\].*", re.DOTALL)


@dataclass(frozen=True)
class Server:
    """An sshd that takes connections."""

    pid: int
    started: int
    """Seconds since the epoch."""
    arguments: Tuple[str, ...]


@dataclass(frozen=True)
class Seen:
    """What the processes show."""

    sessions: Tuple[Session, ...] = ()
    servers: Tuple[Server, ...] = ()
    watched: Tuple[int, ...] = ()
    """Processes whose next child may be a login."""
    settled: bool = True
    """Whether the stamp may be taken of it."""
    problems: Tuple[str, ...] = field(default=())


def look(names: Mapping[int, str], *, now: int, proc: str = tree.PROC) -> Seen:
    """Live logins; ``names`` are the users by uid. Raises OSError when ``proc`` cannot be listed."""
    found = tree.look({*SSHD, *OTHERS}, proc)
    seen = _Look(found, names, zero=now - int(time.clock_gettime(time.CLOCK_BOOTTIME)), proc=proc)
    sessions = [*seen.ssh(), *seen.others()]
    problems = (f"{found.hidden} processes do not show their program; run as root",) if found.hidden else ()
    return Seen(tuple(sessions), tuple(seen.servers), tuple(seen.watched), seen.settled(), problems)


class _Look:
    """One pass over the processes found."""

    def __init__(self, found: Tree, names: Mapping[int, str], *, zero: int, proc: str) -> None:
        self._tree, self._names, self._zero, self._proc = found, names, zero, proc
        self._hertz = os.sysconf("SC_CLK_TCK")
        self._in: Set[int] = set()
        self._warden = warden(names)
        self.servers: List[Server] = []
        self.watched: List[int] = []

    def ssh(self) -> List[Session]:
        """Connections of sshd that somebody has logged in on."""
        found = []
        for process in self._tree.processes.values():
            if process.program not in SSHD or process.uid != 0 or process.foreign or self._within(process):
                continue
            uid = self._who(process)
            parent = self._tree.processes.get(process.parent)
            if uid is not None:
                self._in.add(process.pid)
                found.append(self._session(process, SSH, uid=uid))
            elif parent is None or parent.program not in SSHD:
                self.watched.append(process.pid)
                self._serves(process)
        return self._placed(found)

    def settled(self) -> bool:
        """Whether everybody the stamp would find inside was judged by this look.

        False when somebody is just coming in: no later look at the children would show that he did.
        """
        for pid in self.watched:
            inside = {int(kid) for kid in entered(pid, self._proc, warden=self._warden)}
            judged = self._in if self._tree.processes[pid].program in SSHD else self._tree.listed
            if not inside <= judged:
                return False
        return True

    def _within(self, process: Process) -> bool:
        """Whether a login's own process started it: internal-sftp of root is one more root process of sshd."""
        parent = self._tree.processes.get(process.parent)
        return parent is not None and parent.program in SSHD and self._who(parent) is not None

    def _serves(self, process: Process) -> None:
        """Note a listener and what it was started with."""
        title = _LISTENER.match(process.title)
        if title is None and process.title.startswith(b"sshd: "):
            return
        words = title[1].split(b" ") if title else process.title.rstrip(b"\0").split(b"\0")
        arguments = tuple(os.fsdecode(word) for word in words[1:])
        if "-i" not in arguments:
            self.servers.append(Server(process.pid, self._time(process), arguments))

    def _who(self, process: Process) -> Optional[int]:
        """The uid that logged in on a root process of sshd; None while nobody has."""
        for kid in self._tree.kids(process.pid):
            # Before the login the child is sshd's own user, locked up in an empty directory.
            unproven = kid.jailed and kid.uid == self._warden
            if kid.uid != 0 and kid.program in ("sshd", "sshd-session") and not unproven:
                return kid.uid
        parent = self._tree.processes.get(process.parent)
        if parent is not None and parent.program in SSHD and process.loginuid not in (UNSET, parent.loginuid):
            return process.loginuid
        title = _IN.fullmatch(process.title)
        if title is not None and any(uid == 0 and name == escape(title[1]) for uid, name in self._names.items()):
            return 0
        return None

    def others(self) -> List[Session]:
        """Logins by way of other programs than sshd."""
        found = []
        for process in self._tree.processes.values():
            nested = OTHERS.get(process.program)
            parent = self._tree.processes.get(process.parent)
            if nested is None or process.foreign:
                continue
            self.watched.append(process.pid)
            if nested and (parent is None or parent.program != process.program):
                continue
            kid = next((int(kid) for kid in sorted(children(process.pid, self._proc)) if self._left(int(kid))), None)
            if kid is not None:
                remote = process.program != "login" or (parent is not None and parent.program in OTHERS)
                found.append(self._session(process, process.program, uid=self._uid(kid))._replace(remote=remote))
        return self._placed(found)

    def _left(self, kid: int) -> bool:
        """Whether a child is somebody's program and no longer one of those that let him in."""
        return tree.exe(kid, self._proc) not in ("", *OTHERS)

    def _uid(self, pid: int) -> Optional[int]:
        try:
            return os.stat(f"{self._proc}/{pid}").st_uid
        except OSError:
            return None

    def _session(self, process: Process, kind: str, *, uid: Optional[int]) -> Session:
        name = "unknown" if uid is None else self._names.get(uid, f"uid:{uid}")
        pids = (process.pid, process.inner) if process.inner != process.pid else (process.pid,)
        key = f"process {process.pid} {process.start}"
        return Session(key, kind, name, uid, self._time(process), pids, connected=True)

    def _time(self, process: Process) -> int:
        return self._zero + process.start // self._hertz

    def _placed(self, sessions: List[Session]) -> List[Session]:
        """The sessions with the address at the other end of their connection."""
        found: Dict[int, str] = peers.find({session.pids[0] for session in sessions}, proc=self._proc)
        return [session._replace(address=found.get(session.pids[0])) for session in sessions]


def warden(names: Mapping[int, str]) -> int:
    """The uid of sshd's own user, as which it talks to whoever has not logged in; 0 when there is none."""
    return next((uid for uid, name in names.items() if name == "sshd"), 0)
