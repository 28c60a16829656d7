# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins in the log against sessions that live: who is here and never came in, and which line may be believed. Pure.

A session and a login are the same when process, user and time agree; where the process is not known, address, user
and time, and then a login accounts for one session only.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from .session import SSH, Session

GRACE = 30
"""Seconds within which a session's line may still be on its way into the log."""
_EARLY = 300
"""Seconds that may pass between sshd's line and the session: modules of PAM may be slow, mounting a home, say."""
_LATE = 60
_RECENT = 3600
_KEPT = 1024


class Login(NamedTuple):
    """A completed login as the log has it."""

    time: int
    pid: int
    """0 when unknown."""
    user: str
    uid: Optional[int]
    address: Optional[str]


class Gap(NamedTuple):
    """A stretch of time of which the log may lack something."""

    start: int
    end: int
    key: str


class Verdict(NamedTuple):
    """What is to be said of one session without a login."""

    session: Session
    gap: Optional[Gap]
    """The gap its line may have been lost in."""


def empty() -> Dict[str, Any]:
    """The memory of a machine nobody was seen on yet."""
    return {"since": 0, "known": [], "waiting": [], "recent": [], "spent": {}}


class Witness:
    """Matches one look at the sessions with the logins of one pass over the log; ``memory`` is changed in place."""

    def __init__(self, memory: Dict[str, Any], sessions: Sequence[Session]) -> None:
        self._memory = memory
        self._sessions = sessions
        self._open = {session.key: session for session in sessions if session.key not in memory["known"]}
        self._past: List[Session] = []
        self._recent = [Login(*entry) for entry in memory["recent"]]

    def remembers(self, past: Iterable[Session]) -> None:
        """Sessions of wtmp, each of which confirms one login although it may be over."""
        self._past = [session for session in past if session.key not in self._memory["spent"]]

    def confirms(self, login: Login) -> bool:
        """Whether somebody who wrote this line's facts down, and whom no local user can imitate, is there for it."""
        if login.address is None:
            return False
        for session in (*self._open.values(), *self._past):
            if session.address == login.address and _same(session, login):
                self._account(session)
                return True
        return False

    def saw(self, login: Login) -> None:
        """A login that can be believed."""
        found = next((s for s in self._open.values() if s.kind == SSH and _same(s, login)), None)
        if found is not None:
            self._account(found)
        # One process may be met twice: alone, and a moment later with the session that logind makes for it.
        if found is None or login.pid:
            self._recent.append(login)

    def _account(self, session: Session) -> None:
        if self._open.pop(session.key, None) is None:
            self._past.remove(session)
            self._memory["spent"][session.key] = session.begin
        else:
            self._memory["known"].append(session.key)

    def judge(self, now: int, *, gaps: Iterable[Gap], complete: bool) -> Tuple[List[Verdict], bool]:
        """Sessions of sshd without a login, and whether all could be judged.

        ``complete``: the log was read to its end.
        """
        memory, found, waiting = self._memory, [], []
        for session in [s for s in self._open.values() if s.kind == SSH]:
            earlier = next((login for login in self._recent if _same(session, login)), None)
            if earlier is not None:
                self._account(session)
                if not earlier.pid:
                    self._recent.remove(earlier)
            elif session.begin < memory["since"]:
                self._account(session)
            elif not complete or (now - session.begin < GRACE and session.key not in memory["waiting"]):
                waiting.append(session.key)
            else:
                gap = next((gap for gap in gaps if gap.start <= session.begin <= gap.end), None)
                found.append(Verdict(session, gap))
                if gap is not None:
                    self._account(session)
        memory["waiting"] = waiting
        return found, not waiting

    def others(self) -> List[Session]:
        """Sessions of other programs than sshd that were not there at the last look."""
        found = [session for session in self._open.values() if session.kind != SSH]
        for session in found:
            self._account(session)
        return found

    def close(self, now: int) -> None:
        """Forget what is gone."""
        live = {session.key for session in self._sessions}
        self._memory["known"] = sorted(live & set(self._memory["known"]))
        spent = self._memory["spent"]
        self._memory["spent"] = {key: begin for key, begin in spent.items() if now - begin < _RECENT}
        recent = [login for login in self._recent if now - login.time < _RECENT]
        self._memory["recent"] = [list(login) for login in recent[-_KEPT:]]


def _same(session: Session, login: Login) -> bool:
    if login.uid is not None and session.uid is not None:
        if login.uid != session.uid:
            return False
    elif login.user != session.user and not session.user.startswith("uid:"):
        return False
    if login.pid and session.pids and login.pid not in session.pids:
        return False
    if session.address and login.address and session.address != login.address:
        return False
    if not (login.pid and session.pids) and not (session.address and login.address):
        return False
    if session.connected and login.pid:
        # The process lives since before the login, so no other can have had its number.
        return login.time >= session.begin - _LATE
    latest = session.begin + (_EARLY if session.connected else _LATE)
    return session.begin - _EARLY <= login.time <= latest
