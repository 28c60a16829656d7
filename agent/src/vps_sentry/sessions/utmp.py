# SPDX-License-Identifier: GPL-3.0-or-later
"""utmp(5) and wtmp: who is, and who was, logged in on a terminal, as root's programs wrote it down."""

from __future__ import annotations

import os
import struct
from typing import List, Optional, Tuple

from ..core.canonical import escape
from ..errors import CollectError
from ..host import Host, open_regular
from ..sshlog.addresses import address
from .session import Session

UTMP, WTMP = "/run/utmp", "/var/log/wtmp"
NEWEST = 1024
_USER_PROCESS = 7
# Where long is 32 bits in the file (x86, ppc, s390) and where it is not (arm64, riscv64); utmp.h of glibc.
_LAYOUTS = (struct.Struct("=h2xi32s4s32s256s4xiii16s20x"), struct.Struct("=h2xi32s4s32s256s4xqqq16s24x"))


def read(host: Host, path: str) -> List[Session]:
    """The logins with an address among the newest records; none where there is no such file.

    Raises CollectError when it cannot be read, or when others than root could have written it.
    """
    try:
        descriptor = open_regular(host.locate(os.fsencode(path)))
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise CollectError(f"cannot read {path}: {exc.strerror}") from exc
    with open(descriptor, "rb") as handle:
        status = os.fstat(descriptor)
        if status.st_uid != 0 or status.st_mode & 0o002:
            raise CollectError(f"{path} can be written by others than root, so it proves nothing")
        layout = next((each for each in _LAYOUTS if status.st_size % each.size == 0), _LAYOUTS[0])
        whole = status.st_size - status.st_size % layout.size
        handle.seek(max(0, whole - NEWEST * layout.size))
        return parse(handle.read(NEWEST * layout.size), layout)


def parse(data: bytes, layout: struct.Struct = _LAYOUTS[0]) -> List[Session]:
    """Logins from whole records; a terminal emulator's or tmux's own entry names no address and is none."""
    found: List[Session] = []
    for at in range(0, len(data) - layout.size + 1, layout.size):
        session = _session(layout.unpack_from(data, at))
        if session is not None:
            found.append(session)
    return found


def _session(record: Tuple[int, int, bytes, bytes, bytes, bytes, int, int, int, bytes]) -> Optional[Session]:
    kind, pid, line, _, user, host, _, seconds, _, _ = record
    where = address(host.partition(b"\0")[0])
    if kind != _USER_PROCESS or where is None or pid <= 0:
        return None
    name = escape(user.partition(b"\0")[0])
    terminal = escape(line.partition(b"\0")[0])
    return Session(f"utmp {terminal} {pid} {seconds}", "terminal", name, None, seconds, (pid,), where)
