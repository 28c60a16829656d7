# SPDX-License-Identifier: GPL-3.0-or-later
"""Holders of sockets: /proc texts, and processes the tests really start."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Dict, Iterator

import pytest
from vps_sentry.core.canonical import unescape
from vps_sentry.proc import owners
from vps_sentry.proc.owners import Owner

DOCKER = b"3f9a" * 16


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        pytest.param(b"0::/system.slice/ssh.service\n", "ssh.service", id="v2"),
        pytest.param(b"12:cpu:/a.service\n1:name=systemd:/system.slice/ssh.service\n0::/\n", "ssh.service", id="v1"),
        pytest.param(b"1:name=systemd:/init.scope\n0::/init.scope\n", "init.scope", id="hybrid"),
        pytest.param(b"0::/user.slice/user-1000.slice/session-3.scope\n", "session-*.scope", id="session-number"),
        pytest.param(b"0::/user.slice/user-0.slice/session-c12.scope\n", "session-*.scope", id="console-session"),
        pytest.param(
            b"0::/user.slice/user-1000.slice/user@1000.service/app.slice/ssh.service\n",
            "user@1000.service/ssh.service",
            id="a-user-unit-does-not-read-like-the-system-one",
        ),
        pytest.param(b"0::/system.slice/docker-" + DOCKER + b".scope\n", "docker-*.scope", id="container-id"),
        pytest.param(
            b"0::/machine.slice/libpod-" + DOCKER + b".scope/container/system.slice/ssh.service\n",
            "libpod-*.scope/ssh.service",
            id="a-unit-inside-a-container",
        ),
        pytest.param(b"0::/system.slice/run-u42.service\n", "run-*.service", id="systemd-run"),
        pytest.param(b"0::/system.slice/run-p12-i34.service\n", "run-*.service", id="systemd-run-by-pidfd"),
        pytest.param(b"0::/system.slice/run-r0f3c.scope\n", "run-*.scope", id="systemd-run-scope"),
        pytest.param(b"0::/system.slice/run-backup.service\n", "run-backup.service", id="a-name-is-no-number"),
        pytest.param(b"0::/system.slice/postgresql@15-main.service\n", "postgresql@15-main.service", id="instance"),
        pytest.param(b"0::/system.slice/nginx.service/worker\n", "nginx.service", id="delegated"),
        pytest.param(b"0::/system.slice/a\\012b.service\n", "a\\x5c012b.service", id="escaped-by-the-kernel"),
        pytest.param(b"0::/system.slice/a\x1b[2J.service\n", "a\\x1b[2J.service", id="terminal-codes"),
        pytest.param(b"0::/\n", "none", id="outside-of-all-units"),
        pytest.param(b"", "unknown", id="unreadable"),
        pytest.param(b"garbage\n", "unknown", id="garbage"),
    ],
)
def test_the_unit_of_a_process(cgroup: bytes, unit: str) -> None:
    assert owners.parse_unit(cgroup) == unit


@pytest.mark.parametrize(
    ("status", "user"),
    [
        pytest.param(b"Name:\tx\nUid:\t1000\t0\t1000\t1000\n", "root", id="effective-not-real"),
        pytest.param(b"Name:\tUid:\\n\nUid:\t33\t33\t33\t33\n", "www-data", id="hostile-name"),
        pytest.param(b"Name:\tx\nUid:\t61999\t61999\t61999\t61999\n", "uid:61999", id="not-in-passwd"),
        pytest.param(b"Name:\tx\nUid:\t33\n", "unknown", id="cut-off"),
        pytest.param(b"", "unknown", id="unreadable"),
    ],
)
def test_the_user_of_a_process(status: bytes, user: str) -> None:
    assert owners.parse_user(status, {0: "root", 33: "www-data"}) == user


def test_passwd_gives_the_first_name_of_a_uid_and_skips_what_is_no_entry() -> None:
    data = b"root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\n#x\n\na\x1bb:x:5:5::/:\nbad:x:-1:0::/:\n+::::::\n"
    assert owners.parse_passwd(data) == {0: "root", 5: "a\\x1bb"}


@contextmanager
def holder(program: Path, link: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([str(program), "60"], pass_fds=(link.fileno(),)) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def link() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as opened:
        yield opened


def found(link: socket.socket, *, threads: bool = False) -> set[Owner]:
    inode = os.fstat(link.fileno()).st_ino
    users: Dict[int, str] = {os.geteuid(): "me"}
    return owners.find([inode], users, threads=threads).owners.get(inode, set())


def test_the_process_that_listens_is_found(link: socket.socket) -> None:
    seen = found(link)
    assert {(owner.exe, owner.user) for owner in seen} == {(str(Path(sys.executable).resolve()), "me")}


@pytest.mark.parametrize("name", ["plain", "a\nb (deleted)", "tab\tand\x1b[31m", "back\\slash", "(deleted)"])
def test_every_holder_is_named_even_with_a_hostile_path(link: socket.socket, tmp_path: Path, name: str) -> None:
    program = tmp_path / name
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    with holder(program, link):
        exes = {owner.exe for owner in found(link)}
    assert {unescape(exe) for exe in exes} == {os.fsencode(program), os.fsencode(Path(sys.executable).resolve())}
    assert all(exe.isprintable() for exe in exes)


def test_a_deleted_program_keeps_its_mark(link: socket.socket, tmp_path: Path) -> None:
    program = tmp_path / "gone"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    with holder(program, link):
        program.unlink()
        exes = {owner.exe for owner in found(link)}
    assert f"{program} (deleted)" in exes


THREAD = """
import ctypes, os, socket, sys, threading
ready = threading.Event()
def listen():
    assert ctypes.CDLL(None, use_errno=True).unshare(0x400) == 0
    link = socket.create_server(("127.0.0.1", 0))
    print(os.fstat(link.fileno()).st_ino, flush=True)
    sys.stdin.read()
threading.Thread(target=listen).start()
"""


def test_a_thread_with_a_file_table_of_its_own_does_not_hide() -> None:
    command = [sys.executable, "-I", "-c", THREAD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        inode = int(process.stdout.readline())
        shallow, deep = owners.find([inode], {}).owners, owners.find([inode], {}, threads=True).owners
        process.communicate("")
    assert (shallow, {owner.exe for owner in deep[inode]}) == ({}, {str(Path(sys.executable).resolve())})


def test_what_nobody_holds_has_no_owner() -> None:
    assert owners.find([2**32 + 1], {}) == ({}, {})


def test_a_proc_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        owners.find([1], {}, proc=str(tmp_path / "none"))


def test_a_process_that_shows_nothing_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "4711").mkdir()
    (tmp_path / "4712" / "fd").mkdir(parents=True)
    (tmp_path / "4712" / "fd" / "3").symlink_to("socket:[1]")
    assert owners.find([1], {}, proc=str(tmp_path)).owners == {1: {Owner("unknown", "unknown", "unknown")}}
