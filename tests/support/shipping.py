# SPDX-License-Identifier: GPL-3.0-or-later
"""A state directory whose outbox can be filled and shipped."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.alerts import alert
from support.receiver import Certificate, Receiver
from vps_sentry import outbox
from vps_sentry.outbox import Ack, Entry
from vps_sentry.ship import ship
from vps_sentry.sinks import Routes, Transport

START = 1_800_000_000


@dataclass
class Room:
    """A state directory, a clock that is turned by hand, and one webhook."""

    state: Path
    certificate: Certificate
    receiver: Receiver
    now: int = START
    lines: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    refuse: Exception | None = None

    def put(self, **changes: Any) -> str:
        plain: dict[str, Any] = {
            "id": f"{len(os.listdir(self.state / 'outbox')):016x}",
            "host": "web-1",
            "time": "2026-10-01T12:00:00Z",
            "created": START,
            "kind": "alerts",
            "severity": "critical",
            "alerts": (alert(),),
            "diff": None,
        }
        entry = Entry(**{**plain, **changes})
        name = outbox.file_name(entry)
        (self.state / "outbox" / name).write_bytes(outbox.encode_entry(entry))
        return name

    def routes(self) -> Routes:
        if self.refuse:
            raise self.refuse
        transport = Transport(
            read_secret=lambda path: Path(path).read_text().strip(),
            now=lambda: self.now,
            ca_bundle=str(self.certificate.ca),
            deadline=5,
        )
        return Routes(self.options, transport)

    def ship(self, *, tests: bool = False) -> tuple[int, list[str]]:
        """Exit code and the reasons that were logged."""
        self.lines.clear()
        code = ship(str(self.state), self.routes, clock=lambda: self.now, log=self.lines.append, tests=tests)
        assert all(line.startswith("vps-sentry-ship: ") and "s3cret-token" not in line for line in self.lines)
        assert all(line.isprintable() for line in self.lines)
        return code, [line.split(" ")[1] for line in self.lines]

    def ack(self, name: str) -> Ack:
        data = (self.state / "acks" / name).read_bytes()
        assert b"s3cret-token" not in data
        return outbox.decode_ack(data, name=name)

    def received(self) -> list[str]:
        return [request.headers["idempotency-key"] for request in self.receiver.requests]
