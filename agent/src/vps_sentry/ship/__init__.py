# SPDX-License-Identifier: GPL-3.0-or-later
"""The room between outbox and sinks; with an empty outbox it ends after importing next to nothing."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from ..sinks import Routes

PREFIX = "vps-sentry-ship: "
PULSE = "acks/.heartbeat"
"""What came of the last sign of life, for ``status``."""
FRESH_SECONDS = 150
"""A run counts as completed just now; the one before it is always older when the next begins to ship."""
_GLANCE_BYTES = 1024 * 1024


def ship(
    state: str,
    routes: "Callable[[], Routes]",
    *,
    clock: "Callable[[], int]",
    log: "Callable[[str], None]",
    tests: bool = False,
) -> int:
    """Tell every due entry of ``state/outbox`` to every sink, record it in ``state/acks``, return the exit code.

    0: sent, or nothing to send; 2: no usable configuration; 4: a retry is pending. ``clock`` is seconds since
    the epoch, ``log`` gets one line per decision. ``routes`` is asked only when there is something to send; it
    raises ConfigError or ShipError. Entries of kind ``test`` are withheld unless ``tests``.
    """
    outbox = os.path.join(state, "outbox")
    try:
        names = sorted(name for name in os.listdir(outbox) if not name.startswith("."))
    except FileNotFoundError:
        log(PREFIX + "nothing-to-ship " + outbox + " does not exist; has vps-sentry run on this host?")
        return 0
    except OSError as exc:
        log(PREFIX + "upload-failure cannot read " + outbox + ": " + str(exc.strerror) + "; run as root or start "
            "vps-sentry-ship.service")  # fmt: skip
        return 4
    if not names:
        log(PREFIX + idle(state))
        return 0
    from .deliver import Task, deliver

    return deliver(Task(state=state, names=tuple(names), clock=clock, log=log, tests=tests), routes)


def idle(state: str) -> str:
    """Why there is nothing to send: ``duplicate-ts`` when the last report is the one shipped last.

    Read from ``last.json`` and ``last_shipped.json``; where those are closed to this user, from ``time`` and
    ``last_shipped`` of ``public/status.json``.
    """
    time = _glance(state, "last.json", "time")
    shipped = _glance(state, "last_shipped.json", "time")
    if not time or not shipped:
        time = _glance(state, "public/status.json", "time")
        shipped = _glance(state, "public/status.json", "last_shipped")
    if time and time == shipped:
        return "duplicate-ts the report of " + time + " is already shipped"
    return "nothing-to-ship the outbox is empty"


def pulse(state: str, config: str, *, routes: "Callable[[], Routes]", now: int, log: "Callable[[str], None]") -> None:
    """A sign of life where the configuration asks for one, after a completed run and never otherwise."""
    if not _asks_for_life(config):
        return
    try:
        # Its directory may be entered, not listed: to stat the agent's heartbeat needs no right to read it.
        age = now - int(os.stat(os.path.join(state, "heartbeat")).st_mtime)
    except OSError:
        age = FRESH_SECONDS + 1
    if age > FRESH_SECONDS:
        log(PREFIX + "heartbeat not given: no run was completed just now")
        return
    from .heartbeat import give

    give(state, routes, now=now, log=log)


def _asks_for_life(config: str) -> bool:
    """Whether ``notify.heartbeat`` may be set, by bytes: the configuration is decoded only where it is."""
    try:
        with open(config, "rb") as handle:
            data = handle.read(_GLANCE_BYTES)
    except OSError:
        return False
    after = data.partition(b'"heartbeat"')[2].lstrip(b" \t\r\n:")
    return bool(after) and not after.startswith(b"null")


def _glance(state: str, name: str, key: str) -> str:
    """The last text under ``key`` in a canonical JSON file, empty when there is none.

    By bytes, because importing json doubles what this process costs. Our own files are canonical: keys are
    sorted, so the document's own ``time`` is the last, and ``"time":"`` cannot stand inside a text unescaped.
    """
    try:
        with open(os.path.join(state, name), "rb") as handle:
            handle.seek(-min(_GLANCE_BYTES, os.fstat(handle.fileno()).st_size), os.SEEK_END)
            data = handle.read(_GLANCE_BYTES)
    except OSError:
        return ""
    value = data.rpartition(b'"' + key.encode() + b'":"')[2] if b'"' + key.encode() + b'":"' in data else b""
    text = value.partition(b'"')[0][:40]
    return text.decode("ascii", "replace") if text.replace(b":", b"").replace(b"-", b"").isalnum() else ""
