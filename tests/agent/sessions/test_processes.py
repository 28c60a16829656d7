# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins seen in the processes: by program, owner and parent, on a /proc of our own making."""

from __future__ import annotations

import time
from pathlib import Path
from typing import List, Tuple

import pytest
from support.processes import Fake, write
from vps_sentry.sessions import peers, processes, tree

NOW = int(time.time())
NAMES = {0: "root", 100: "sshd", 1000: "alice"}
EMPTY = "/proc/self/ns"  # Any directory that is not the root of the file system.
ELSEWHERE = {"root": EMPTY, "mount": "mnt:[2]"}
LISTENS = Fake(10, title=b"sshd: /usr/sbin/sshd -D -o LogLevel=INFO [listener] 0 of 10-100 startups")
SESSION, AUTH = "/usr/lib/openssh/sshd-session", "/usr/lib/openssh/sshd-auth"


def entry(pid: int, title: str, **fields: object) -> Fake:
    """A root process of sshd below the listener."""
    return Fake(pid, parent=10, title=f"sshd: {title}\0\0".encode(), **fields)  # type: ignore[arg-type]


LOGINS = (
    pytest.param([entry(20, "alice [priv]"), Fake(21, parent=20, uid=1000)], [("ssh", "alice", 20)], id="OpenSSH 9.2"),
    pytest.param(
        [Fake(20, SESSION, 10, title=b"sshd-session: alice [priv]"), Fake(21, SESSION, 20, uid=1000)],
        [("ssh", "alice", 20)],
        id="OpenSSH 9.8 and newer",
    ),
    pytest.param([entry(20, "root@pts/0")], [("ssh", "root", 20)], id="root has no process beside it"),
    pytest.param([entry(20, "root")], [("ssh", "root", 20)], id="root without a terminal, tunnels only"),
    pytest.param(
        [entry(20, "root@notty"), Fake(21, parent=20, title=b"sshd: root@internal-sftp")],
        [("ssh", "root", 20)],
        id="internal-sftp of root is no second login",
    ),
    pytest.param(
        [entry(20, "alice [priv]", loginuid=1000)], [("ssh", "alice", 20)], id="between the login and its process"
    ),
    pytest.param([entry(20, "alice [priv]"), Fake(21, parent=20, uid=4242)], [("ssh", "uid:4242", 20)], id="from LDAP"),
    pytest.param(
        [Fake(20, "/usr/sbin/sshd (deleted)", 10), Fake(21, "/usr/sbin/sshd.dpkg-tmp (deleted)", 20, uid=1000)],
        [("ssh", "alice", 20)],
        id="sshd was upgraded meanwhile",
    ),
    pytest.param(
        [entry(20, "alice [priv]"), Fake(21, parent=20, uid=1000, root=EMPTY)],
        [("ssh", "alice", 20)],
        id="ChrootDirectory",
    ),
    pytest.param(
        [Fake(30, title=b"/usr/sbin/sshd\0-i\0"), Fake(31, parent=30, uid=1000)],
        [("ssh", "alice", 30)],
        id="started for one connection by a socket unit",
    ),
    pytest.param(
        [Fake(30, title=b"sshd: alice [priv]", inner=3, root="/"), Fake(31, parent=30, uid=1000)],
        [("ssh", "alice", 30)],
        id="in a pid namespace of its own but not in a container",
    ),
    pytest.param(
        [Fake(40, "/usr/sbin/dropbear"), Fake(41, "/usr/sbin/dropbear", 40), Fake(42, "/bin/bash", 41, uid=1000)],
        [("dropbear", None, 41)],
        id="dropbear",
    ),
    pytest.param(
        [Fake(40, "/usr/bin/login"), Fake(42, "/bin/bash", 40, uid=1000)], [("login", None, 40)], id="the console"
    ),
)
NOBODY = (
    pytest.param([], id="nobody"),
    pytest.param([entry(20, "[accepted]"), Fake(21, parent=20, uid=100, root=EMPTY)], id="before the login"),
    pytest.param([entry(20, "root [priv]"), Fake(21, parent=20, uid=100, root=EMPTY)], id="root is being tried"),
    pytest.param([Fake(20, SESSION, 10), Fake(21, AUTH, 20, uid=100, root=EMPTY)], id="OpenSSH 9.8, before the login"),
    pytest.param([entry(20, "alice [pam]")], id="PAM is asking"),
    pytest.param([Fake(20, "/tmp/sshd", 9, uid=1000, title=b"sshd: root@pts/0")], id="a user's own program"),
    pytest.param(
        [Fake(20, "/tmp/sshd", 9, uid=1000), Fake(21, "/tmp/sshd", 20, uid=1000)], id="with a child of the same name"
    ),
    pytest.param([Fake(20, "/usr/bin/sleep", 10, title=b"sshd: root@pts/0")], id="another program with its title"),
    pytest.param(
        [
            Fake(30, mount="mnt:[2]", root=EMPTY),
            Fake(31, parent=30, root=EMPTY, mount="mnt:[2]", title=b"sshd: root@pts/0"),
        ],
        id="in a container",
    ),
    pytest.param(
        [Fake(20, "/usr/sbin/sshd", 9, uid=1000, title=b"sshd: root@pts/0"), Fake(9, "/bin/bash", uid=1000)],
        id="a user who runs sshd",
    ),
    pytest.param([Fake(40, "/usr/sbin/dropbear"), Fake(41, "/usr/sbin/dropbear", 40)], id="dropbear, before the login"),
    pytest.param([Fake(40, "/usr/sbin/tailscaled"), Fake(41, "/usr/sbin/iptables", 40)], id="tailscaled and a helper"),
    pytest.param([Fake(40, "/usr/bin/login")], id="the console asks for a name"),
)


def look(proc: Path, *fakes: Fake) -> processes.Seen:
    write(proc, LISTENS, *fakes)
    return processes.look(NAMES, now=NOW, proc=str(proc))


@pytest.mark.parametrize(("fakes", "expected"), LOGINS)
def test_who_is_in(fakes: List[Fake], expected: List[Tuple[str, object, int]], tmp_path: Path) -> None:
    seen = look(tmp_path, *fakes)
    assert [(s.kind, s.pids[0]) for s in seen.sessions] == [(kind, pid) for kind, _, pid in expected]
    named = [(s.user, user) for s, (_, user, _) in zip(seen.sessions, expected) if user is not None]
    assert [user for user, _ in named] == [user for _, user in named]


@pytest.mark.parametrize("fakes", NOBODY)
def test_nobody_is_in(fakes: List[Fake], tmp_path: Path) -> None:
    assert look(tmp_path, *fakes).sessions == ()


def test_how_the_listener_was_started(tmp_path: Path) -> None:
    seen = look(tmp_path, Fake(11, title=b"/opt/sshd\0-f\0/tmp/evil\0", exe="/opt/sshd"))
    assert [(s.pid, s.arguments) for s in seen.servers] == [
        (10, ("-D", "-o", "LogLevel=INFO")),
        (11, ("-f", "/tmp/evil")),
    ]
    assert seen.watched == (10, 11)


def test_an_sshd_restarted_out_of_a_login_is_no_login(tmp_path: Path) -> None:
    """It carries root's loginuid on, and so does every connection before anybody logs in on it."""
    write(
        tmp_path,
        Fake(10, loginuid=0),
        Fake(20, parent=10, loginuid=0, title=b"sshd: [accepted]"),
        Fake(21, parent=20, uid=100, root=EMPTY, loginuid=0),
    )
    assert processes.look(NAMES, now=NOW, proc=str(tmp_path)).sessions == ()


def test_both_pids_of_a_process_in_another_namespace(tmp_path: Path) -> None:
    (found,) = look(tmp_path, entry(20, "root@notty", inner=3)).sessions
    assert found.pids == (20, 3)


PROGRAMS = (
    ("/usr/sbin/sshd", "sshd"),
    ("/usr/sbin/sshd (deleted)", "sshd"),
    ("/usr/sbin/sshd.dpkg-tmp (deleted)", "sshd"),
    ("/usr/sbin/sshd;65f0a1b2 (deleted)", "sshd"),
    ("/usr/sbin/sshd-session", "sshd-session"),
)


@pytest.mark.parametrize(("link", "expected"), PROGRAMS)
def test_program_names(link: str, expected: str) -> None:
    assert tree.program(link) == expected


def test_the_address_at_the_other_end() -> None:
    lines = [
        b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n",
        b"   0: 0100007F:0016 077100CB:C001 01 00000000:00000000 00:00000000 00000000     0        0 77 1\n",
        b"   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 78 1\n",
        b"   2: 0000000000000000FFFF00000100007F:0016 0000000000000000FFFF0000077100CB:C001 01 0:0 0:0 0 0 0 79 1\n",
        b"   3: cut off\n",
    ]
    assert list(peers.parse(lines)) == [(77, "203.0.113.7"), (79, "203.0.113.7")]
