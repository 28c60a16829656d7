# SPDX-License-Identifier: GPL-3.0-or-later
"""The sign of life after a completed run: the agent itself has no network, so the ship process gives it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Callable

from ..core import canonical
from ..errors import ConfigError, ShipError
from ..sinks import Routes
from ..sinks._heartbeat import beat
from . import PREFIX, PULSE

DEADLINE = 10.0
"""Seconds: what is to be told must not wait for somebody who watches whether there is silence."""


def give(state: str, routes: Callable[[], Routes], *, now: int, log: Callable[[str], None]) -> None:
    """Request the URL of the configuration, log what came of it and leave it for ``status`` to read."""
    try:
        ways = routes()
        if ways.heartbeat is None:
            return
        host = beat(ways.heartbeat, replace(ways.transport, deadline=min(DEADLINE, ways.transport.deadline)))
        error = ""
        log(f"{PREFIX}heartbeat {host} knows that this host is alive")
    except (ConfigError, ShipError) as exc:
        error = str(exc)
        log(f"{PREFIX}heartbeat not given: {canonical.escape(error.encode('utf-8', 'surrogateescape'))}")
    try:
        _leave(os.path.join(state, PULSE), canonical.dumps({"error": error[:500], "time": now}) + b"\n")
    except OSError as exc:
        log(f"{PREFIX}heartbeat the record of it cannot be written: {exc}")


def _leave(path: str, data: bytes) -> None:
    """Written in place: a file replaced in ``acks/`` would wake the agent's next tick each time.

    Its reader takes what is torn for nothing.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o644)
    except PermissionError:
        # A pass run by root left it; the directory is ours to change.
        os.unlink(path)
        descriptor = os.open(path, flags, 0o644)
    try:
        if os.fstat(descriptor).st_nlink != 1:
            raise OSError("it has several names; remove it")
        os.ftruncate(descriptor, 0)
        os.write(descriptor, data)
    finally:
        os.close(descriptor)
