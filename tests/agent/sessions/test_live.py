# SPDX-License-Identifier: GPL-3.0-or-later
"""Everybody once, whichever witness knows of him; what was not looked at; and the stamp of the quiet path."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from typing import Any, List

import pytest
from support.processes import Fake, write
from vps_sentry.errors import CollectError
from vps_sentry.host import Host
from vps_sentry.sessions import live, utmp
from vps_sentry.sessions.session import SSH, Session
from vps_sentry.tick import take

NOW = 1_795_349_000
NAMES = {0: "root", 100: "sshd", 1000: "alice"}
LOGIND = Session("logind 1 x", SSH, "alice", 1000, NOW, (93,), "203.0.113.7")
PROCESS = Session("process 93 1", SSH, "alice", 1000, NOW - 9, (93,), "203.0.113.7", connected=True)
TERMINAL = Session("utmp pts/0 93 1", "terminal", "alice", None, NOW, (93,), "203.0.113.7")


def keys(known: List[Session], seen: List[Session], terminals: List[Session]) -> List[str]:
    return [session.key for session in live.unite(known, tuple(seen), terminals=terminals)]


def test_each_of_them_once() -> None:
    assert keys([LOGIND], [PROCESS], [TERMINAL]) == ["logind 1 x"]
    assert keys([], [PROCESS], [TERMINAL]) == ["process 93 1"]
    assert keys([], [], [TERMINAL]) == ["utmp pts/0 93 1"]
    assert keys([LOGIND], [], [TERMINAL._replace(pids=(94,))]) == ["logind 1 x"]
    assert keys([LOGIND], [], [TERMINAL._replace(pids=(94,), user="bob")]) == ["logind 1 x", "utmp pts/0 93 1"]


def test_a_pid_used_again_is_somebody_else() -> None:
    """logind keeps a session whose leader ended, and its number must not hide whoever gets it next."""
    assert keys([LOGIND], [PROCESS._replace(begin=NOW + 500)], []) == ["logind 1 x", "process 93 1"]


RECORD = struct.Struct("=h2xi32s4s32s256s4xiii16s20x")
WIDE = struct.Struct("=h2xi32s4s32s256s4xqqq16s24x")


def record(
    layout: struct.Struct = RECORD, *, kind: int = 7, user: bytes = b"alice", host: bytes = b"203.0.113.7"
) -> bytes:
    return layout.pack(kind, 93, b"pts/0", b"ts/0", user, host, 0, NOW, 0, b"")


RECORDS = (
    pytest.param(record(), 1, id="a login"),
    pytest.param(record(WIDE), 1, id="on a machine with a long of 64 bits"),
    pytest.param(record() + record()[:100], 1, id="cut off"),
    pytest.param(record(kind=8), 0, id="over"),
    pytest.param(record(host=b""), 0, id="the console"),
    pytest.param(record(host=b"tmux(7).%0"), 0, id="tmux"),
    pytest.param(record(host=b"203.0.113.7:S.0"), 0, id="screen"),
    pytest.param(record(host=b":0"), 0, id="a desktop"),
    pytest.param(b"\xff" * 384, 0, id="no record"),
)


@pytest.mark.skipif(os.geteuid() != 0, reason="a file of anybody but root proves nothing")
@pytest.mark.parametrize(("data", "count"), RECORDS)
def test_utmp(data: bytes, count: int, tmp_path: Path) -> None:
    (tmp_path / "utmp").write_bytes(data)
    assert [(s.user, s.pids, s.begin) for s in utmp.read(Host(str(tmp_path)), "/utmp")] == [
        ("alice", (93,), NOW)
    ] * count


def test_utmp_that_others_can_write_proves_nothing(tmp_path: Path) -> None:
    (tmp_path / "utmp").write_bytes(record())
    (tmp_path / "utmp").chmod(0o666)
    with pytest.raises(CollectError, match="proves nothing"):
        utmp.read(Host(str(tmp_path)), "/utmp")


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    (tmp_path / "run/systemd/sessions").mkdir(parents=True)
    (tmp_path / "proc").mkdir()
    return tmp_path


SERVED = (Fake(10), Fake(20, parent=10, title=b"sshd: alice [priv]"), Fake(21, parent=20, uid=1000))


def stamp(root: Path, found: live.Live, *, again: int = 0) -> bytes:
    return take("sessions", (found.settled, again, found.warden, *live.places(Host(str(root))), *found.watched))


def look(root: Path) -> live.Live:
    return live.look(Host(str(root)), NAMES, now=NOW)


def test_the_stamp_holds_while_nobody_comes_or_goes(root: Path) -> None:
    write(root / "proc", *SERVED)
    found = look(root)
    assert [session.user for session in found.sessions] == ["alice"]
    assert stamp(root, found) == b""


def test_what_stands_is_looked_at_again_in_time(root: Path) -> None:
    write(root / "proc", *SERVED)
    found, now = look(root), int(time.time())
    assert stamp(root, found, again=now + 60) == b""
    assert stamp(root, found, again=now) != b""


def _session(root: Path) -> None:
    (root / "run/systemd/sessions/c1").write_text("UID=0\n")


def _connection(root: Path) -> None:
    (root / "proc/10/task/10/children").write_text("20 22 ")


def _daemon(root: Path) -> None:
    (root / "proc/1/task/1/children").write_text("10 77 ")


def _ended(root: Path) -> None:
    (root / "proc/10/task/10/children").unlink()


@pytest.mark.parametrize("happens", [_session, _connection, _daemon, _ended])
def test_whoever_comes_or_goes_moves_the_stamp(root: Path, happens: Any) -> None:
    write(root / "proc", *SERVED)
    found = look(root)
    happens(root)
    moved = stamp(root, found)
    assert moved not in (b"", stamp(root, found))


def test_the_agents_own_process_moves_nothing(root: Path) -> None:
    write(root / "proc", *SERVED)
    found = look(root)
    (root / "proc/1/task/1/children").write_text(f"10 {os.getpid()} ")
    assert stamp(root, found) == b""


AT_THE_DOOR = (Fake(30, parent=10, title=b"sshd: [accepted]"), Fake(31, parent=30, uid=100, root="/proc/self/ns"))


def test_whoever_is_at_the_door_moves_nothing_until_he_is_in(root: Path) -> None:
    """Somebody always knocks at a public server; then the same process is somebody's login, its guard gone."""
    write(root / "proc", *SERVED, *AT_THE_DOOR)
    found = look(root)
    assert (len(found.sessions), stamp(root, found)) == (1, b"")
    (root / "proc/10/task/10/children").write_text("20 ")
    assert stamp(root, found) == b""
    (root / "proc/10/task/10/children").write_text("20 30 ")
    assert stamp(root, found) == b""
    (root / "proc/30/task/30/children").write_text("32 ")
    assert stamp(root, found) != b""


GUARDS = (
    pytest.param(Fake(31, parent=30, uid=100), id="not locked up: a login of the account sshd"),
    pytest.param(Fake(31, parent=30, uid=1000, root="/proc/self/ns"), id="locked up as somebody: a login"),
)


@pytest.mark.parametrize("guard", GUARDS)
def test_what_is_no_guard(root: Path, guard: Fake) -> None:
    write(root / "proc", *SERVED)
    found = look(root)
    (root / "proc/10/task/10/children").write_text("20 30 ")
    write(root / "proc", AT_THE_DOOR[0], guard, first=False)
    assert stamp(root, found) != b""


def test_an_unsettled_look_is_never_believed(root: Path) -> None:
    """Between the guard's end and the login: neither at the door nor in."""
    write(root / "proc", Fake(10), Fake(20, parent=10, title=b"sshd: root [priv]"))
    assert stamp(root, look(root)) != b""


@pytest.mark.parametrize("title", [b"sshd: [accepted]\0\0\0", b"sshd-session: [accepted]   "])
def test_whoever_connects_and_says_nothing_moves_nothing(root: Path, title: bytes) -> None:
    """Before the banner there is no guard: held open without a word, a connection made each tick a full one."""
    write(root / "proc", *SERVED, Fake(30, parent=10, title=title))
    found = look(root)
    assert stamp(root, found) == b""
    (root / "proc/10/task/10/children").write_text("20 ")
    assert stamp(root, found) == b""
    (root / "proc/10/task/10/children").write_text("20 30 ")
    (root / "proc/30/cmdline").write_bytes(b"sshd: root")
    assert stamp(root, found) != b""


NOT_NAMELESS = (
    pytest.param(Fake(30, parent=10, title=b"sshd: [accepted]", uid=1000), id="somebody's own process says so"),
    pytest.param(Fake(30, parent=10, title=b"sshd: [accepted]@pts/0"), id="an account of that name is in"),
    pytest.param(Fake(30, parent=10, title=b"sshd\0-R\0"), id="not yet said"),
)


@pytest.mark.parametrize("process", NOT_NAMELESS)
def test_what_is_not_before_the_banner(root: Path, process: Fake) -> None:
    write(root / "proc", *SERVED)
    found = look(root)
    (root / "proc/10/task/10/children").write_text("20 30 ")
    write(root / "proc", process, first=False)
    assert stamp(root, found) != b""


def test_a_kernel_that_tells_no_children_still_has_a_stamp(root: Path) -> None:
    """Then the processes are looked at whenever the log moves, and by every look that believes no stamp."""
    write(root / "proc", *SERVED)
    for path in root.glob("proc/*/task/*/children"):
        path.unlink()
    found = look(root)
    assert ([s.user for s in found.sessions], stamp(root, found)) == (["alice"], b"")


def test_what_cannot_be_looked_at_is_said(root: Path) -> None:
    (root / "proc").rmdir()
    assert look(root).problems == (f"cannot list {root}/proc: No such file or directory",)
    (root / "run/systemd/sessions").rmdir()
    (root / "run/systemd/sessions").write_text("")
    assert look(root).problems[0] == f"cannot list {root}/run/systemd/sessions: Not a directory"
