# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sink is, and how the sinks are found: one file in this folder, one ``SINK`` in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, NamedTuple, Optional, Protocol, Tuple

from ..core.model import Alert
from ..errors import ShipError
from ..parts import Parts


class Message(NamedTuple):
    """One outbox entry, ready to be told to somebody."""

    id: str
    """Idempotency key: the same message sent twice carries the same id."""
    host: str
    time: str
    """RFC 3339 UTC time of the report the message belongs to."""
    alerts: Tuple[Alert, ...]
    """Opened, changed and resolved alerts, most severe first."""
    attachment: bytes
    """Canonical JSON of alerts and diff, at most 8 MiB, named ``vps-sentry-HOST-TIME.json``."""
    note: str = ""
    """What happened in a sentence, where alerts alone do not tell it (an acceptance)."""
    left_out: int = 0
    """Alerts that fitted neither here nor in the attachment."""
    test: bool = False


@dataclass(frozen=True)
class Transport:
    """What a sink may use beside its own options."""

    read_secret: Callable[[str], str] = field(repr=False)
    """Path of a ``*_file`` option -> its text, stripped. Raises ShipError."""
    now: Callable[[], int]
    """Seconds since the epoch."""
    proxy: str = field(default="", repr=False)
    """``notify.proxy``; no proxy is taken from the environment."""
    ca_bundle: str = ""
    """Path of the trusted certificates; empty = the distribution's own bundle."""
    deadline: float = 30.0
    """Seconds one delivery may take in all, name lookup included."""


class Send(Protocol):
    """Tells one message. Raises ShipError with one of the fixed reasons."""

    def __call__(self, message: Message, options: Any, *, transport: Transport) -> None: ...


class Sink(NamedTuple):
    """One way out."""

    name: str
    about: str
    options: type
    """Frozen dataclass of the sink's configuration; no field has a usable default secret."""
    validate: Callable[[Any], None]
    """Raises ValueError saying what is wrong with the options; reads no file."""
    send: Send


class Routes(NamedTuple):
    """Where everything goes: the options of each configured sink by name, and the transport they share."""

    options: Mapping[str, Any]
    transport: Transport
    former: Optional[Routes] = None
    """Where the configuration accepted last sends, where that is somewhere else."""
    heartbeat: Any = None
    """``notify.heartbeat`` with ``url`` or ``url_file``, None when nobody is waiting for a sign of life."""


class DeliveryError(ShipError):
    """The other side did not take a message.

    ``whole_sink`` tells trouble that every message would meet from trouble with this one;
    ``retry_after`` is the wait in seconds that the other side asked for, if it is believable.
    """

    def __init__(self, message: str, *, whole_sink: bool, retry_after: Optional[int] = None) -> None:
        super().__init__("upload-failure", message)
        self.whole_sink = whole_sink
        self.retry_after = retry_after


def discover() -> Mapping[str, Sink]:
    """All sinks by name, in name order; a sink is called like its file."""
    return Parts(__name__, __path__[0], load=_sink)


def _sink(module: Any) -> Sink:
    found: Sink = module.SINK
    return found
