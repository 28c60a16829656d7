# SPDX-License-Identifier: GPL-3.0-or-later
"""A /proc of our own making: real files, so that what reads it needs no fake."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Tuple

UNSET = 4294967295


@dataclass(frozen=True)
class Fake:
    """One process; the defaults are those of an sshd that listens."""

    pid: int
    exe: str = "/usr/sbin/sshd"
    parent: int = 1
    uid: int = 0
    title: bytes = b"/usr/sbin/sshd\0-D\0"
    start: int = 1000
    loginuid: int = UNSET
    inner: int = 0
    root: str = "/"
    mount: str = "mnt:[1]"


def write(proc: Path, *processes: Fake, first: bool = True) -> None:
    """Put them below ``proc``, with ``first`` PID 1 too, each parent among them knowing its children."""
    init = (Fake(1, "/usr/lib/systemd/systemd", 0, title=b"/sbin/init\0"),) if first else ()
    everybody = (*init, *processes)
    for process in everybody:
        _write(proc / str(process.pid), process, tuple(p.pid for p in processes if p.parent == process.pid))


def _write(place: Path, process: Fake, children: Tuple[int, ...]) -> None:
    (place / "ns").mkdir(parents=True)
    (place / "fd").mkdir()
    (place / f"task/{process.pid}").mkdir(parents=True)
    (place / "exe").symlink_to(process.exe)
    (place / "root").symlink_to(process.root)
    (place / "ns/mnt").symlink_to(process.mount)
    (place / "cmdline").write_bytes(process.title)
    (place / "loginuid").write_text(str(process.loginuid))
    # A name may hold brackets and blanks; what follows is counted from the last bracket.
    rest = " ".join(["0"] * 17)
    (place / "stat").write_text(f"{process.pid} (a) S 9 (b) S {process.parent} {rest} {process.start} 0 0\n")
    inner = f"\t{process.inner}" if process.inner else ""
    uid = "\t".join([str(process.uid)] * 4)
    (place / "status").write_text(f"Name:\tx\nUid:\t{uid}\nNSpid:\t{process.pid}{inner}\n")
    (place / f"task/{process.pid}/children").write_text("".join(f"{pid} " for pid in children))
