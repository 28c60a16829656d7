# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to the machine: nothing leads out of --root, nothing but regular files is opened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.tree import ROOT
from vps_sentry.errors import CollectError
from vps_sentry.host import Host


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    for name in ("etc/ssh", "usr/lib/systemd", "outside"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "etc/hostname").write_text("web-1\n")
    (tmp_path / "lib").symlink_to("usr/lib")
    (tmp_path / "abs").symlink_to("/usr/lib")
    (tmp_path / "up").symlink_to("../../../../../usr")
    (tmp_path / "loop").symlink_to("loop")
    return tmp_path


PLACES = [
    pytest.param(b"/etc/hostname", "etc/hostname", id="plain"),
    pytest.param(b"/lib/systemd", "usr/lib/systemd", id="relative link in the way"),
    pytest.param(b"/abs/systemd", "usr/lib/systemd", id="an absolute link stays inside"),
    pytest.param(b"/up/lib", "usr/lib", id="dot-dot stops at the root"),
    pytest.param(b"/../../etc//./hostname", "etc/hostname", id="dots and slashes"),
    pytest.param(b"/lib", "lib", id="the last link is not followed"),
    pytest.param(b"/none/x", "none/x", id="what does not exist"),
]


@pytest.mark.parametrize(("path", "expected"), PLACES)
def test_locate(root: Path, path: bytes, expected: str) -> None:
    assert os.fsencode(root / expected) == Host(str(root)).locate(path)


def test_a_loop_of_links_ends(root: Path) -> None:
    with pytest.raises(OSError, match="symbolic links"):
        Host(str(root)).locate(b"/loop/x")


def _link_out(root: Path) -> None:
    (root / "etc/file").symlink_to("/etc/passwd")


def _fifo(root: Path) -> None:
    os.mkfifo(root / "etc/file")


def _large(root: Path) -> None:
    (root / "etc/file").write_bytes(b"x" * 101)


REFUSED = [
    pytest.param(_link_out, "No such file", id="an absolute link does not reach this machine's file"),
    pytest.param(_fifo, "not a regular file", id="a fifo does not hang"),
    pytest.param(lambda root: (root / "etc/file").mkdir(), "not a regular file", id="a directory"),
    pytest.param(_large, "larger than 100 bytes", id="too large"),
    pytest.param(lambda root: None, "No such file", id="missing"),
    pytest.param(lambda root: (root / "etc/file").symlink_to("/loop"), "symbolic links", id="a loop"),
]


@pytest.mark.parametrize(("make", "problem"), REFUSED)
def test_read_refuses(root: Path, make: Any, problem: str) -> None:
    make(root)

    with pytest.raises(CollectError, match=problem):
        Host(str(root)).read("/etc/file", limit=100)


def test_identity_of_a_mounted_disk(root: Path) -> None:
    (root / "etc/machine-id").write_text("0" * 31 + "a\n")
    (root / "etc/ssh/ssh_host_ed25519_key.pub").write_text("ssh-ed25519 AAAA root@web-1\n")
    host = Host(str(root))

    assert ("web-1", "0" * 31 + "a") == (host.name(), host.machine_id())
    assert ("ssh-ed25519 AAAA",) == host.host_keys()
    assert not host.live


@pytest.mark.parametrize("text", ["", "uninitialized\n", "A" * 32, "../../etc", "0" * 33])
def test_an_image_without_identity_is_known_by_its_place(root: Path, text: str) -> None:
    (root / "etc/machine-id").write_text(text)
    (root / "etc/hostname").unlink()
    host = Host(str(root))

    assert 32 == len(host.machine_id())
    assert (host.machine_id(), str(root)) == (Host(str(root)).machine_id(), host.name())


def test_a_live_system_without_an_id_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "machine-id").write_text("uninitialized")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from vps_sentry.host import Host\n"
        "try: Host().machine_id()\n"
        "except Exception as exc: print(exc)"
    )
    script = f'mount --bind {tmp_path}/machine-id /etc/machine-id && exec "{sys.executable}" -c "$1" "$2"'
    command = ["unshare", "-m", "sh", "-c", script, "sh", program, str(ROOT / "agent/src")]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "make one with systemd-machine-id-setup" in answer


def test_a_fifo_is_not_even_opened(root: Path) -> None:
    """Who waits at the other end would notice."""
    os.mkfifo(root / "etc/fifo")
    with pytest.raises(CollectError, match="not a regular file"):
        Host(str(root)).read("/etc/fifo")

    with pytest.raises(OSError, match="No such device or address"):
        os.open(root / "etc/fifo", os.O_WRONLY | os.O_NONBLOCK)


def test_no_sshd_has_no_host_keys(tmp_path: Path) -> None:
    assert () == Host(str(tmp_path)).host_keys()
