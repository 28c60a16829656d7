# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether dpkg or rpm is at work just now: who else writes locks its database first."""

from __future__ import annotations

import os

from ..errors import CollectError
from ..host import Host

LOCKS = (
    *("/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock"),
    *("/var/lib/rpm/.rpm.lock", "/usr/lib/sysimage/rpm/.rpm.lock"),
)
LONGEST = 30 * 60
"""Seconds of uptime for which it is waited for: who holds the lock for longer hides nothing."""


def running(host: Host) -> bool:
    """Whether one of the locks is held, proc(5) locks. A mounted disk is at rest."""
    if not host.live:
        return False
    try:
        return held(host.read("/proc/locks"), frozenset(_numbers(host)))
    except CollectError:
        return False


def held(table: bytes, files: frozenset[int]) -> bool:
    """Whether a lock to write on a file with one of these inode numbers is in the table, waiting ones left out.

    Device numbers are not compared: on overlay and btrfs the table shows others than stat does.
    """
    for line in table.splitlines():
        words = line.split()
        if len(words) == 8 and words[1] in (b"POSIX", b"OFDLCK", b"FLOCK") and words[3] == b"WRITE":
            number = words[5].rpartition(b":")[2]
            if number.isdigit() and int(number) in files:
                return True
    return False


def _numbers(host: Host) -> list[int]:
    found = []
    for path in LOCKS:
        try:
            found.append(os.lstat(host.locate(os.fsencode(path))).st_ino)
        except OSError:
            continue
    return found
