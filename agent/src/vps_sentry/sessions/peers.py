# SPDX-License-Identifier: GPL-3.0-or-later
"""The address at the other end of a process's TCP connection, from proc(5)."""

from __future__ import annotations

import _socket
import os
import sys
from typing import Collection, Dict, Iterable, Iterator, Tuple

from ..sshlog.addresses import address

_ESTABLISHED = b"01"


def find(pids: Collection[int], *, proc: str = "/proc") -> Dict[int, str]:
    """Address by pid, for those of ``pids`` that hold a connection of the host's network."""
    inodes = {inode: pid for pid in pids for inode in _sockets(f"{proc}/{pid}/fd")}
    found: Dict[int, str] = {}
    for name in ("tcp", "tcp6") if inodes else ():
        try:
            with open(f"{proc}/net/{name}", "rb") as lines:
                found.update((inodes[inode], where) for inode, where in parse(lines) if inode in inodes)
        except OSError:
            continue
    return found


def _sockets(directory: str) -> Iterator[int]:
    try:
        names = os.listdir(directory)
    except OSError:
        return
    for name in names:
        try:
            link = os.readlink(f"{directory}/{name}")
        except OSError:
            continue
        if link.startswith("socket:["):
            yield int(link[8:-1])


def parse(lines: Iterable[bytes]) -> Iterator[Tuple[int, str]]:
    """Inode and remote address of each established connection in /proc/net/tcp or tcp6."""
    for line in lines:
        fields = line.split()
        if len(fields) < 10 or fields[3] != _ESTABLISHED:
            continue
        raw = fields[2].partition(b":")[0]
        where = address(_text(raw).encode())
        if where is not None:
            yield int(fields[9]), where


def _text(raw: bytes) -> str:
    # The kernel prints each 32-bit word as a number in the machine's own order.
    packed = b"".join(int(raw[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(raw), 8))
    family = _socket.AF_INET if len(packed) == 4 else _socket.AF_INET6
    return str(_socket.inet_ntop(family, packed))
