# SPDX-License-Identifier: GPL-3.0-or-later
"""One live session, whoever bears witness to it."""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

SSH = "ssh"
"""The kind of a session that sshd must have logged; any other kind is the name of the program that let it in."""


class Session(NamedTuple):
    """Somebody who is logged in."""

    key: str
    """The same as long as the session lives, never given twice."""
    kind: str
    user: str
    uid: Optional[int]
    begin: int
    """Seconds since the epoch: of the session, or of the connection where only its process is known."""
    pids: Tuple[int, ...] = ()
    """The process that let it in, as seen here and in its own pid namespace."""
    address: Optional[str] = None
    remote: bool = True
    connected: bool = False
    """``begin`` is that of the connection, and the process of ``pids`` lives on."""
