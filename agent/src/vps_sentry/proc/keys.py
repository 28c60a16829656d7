# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of the ports check: ``tcp:22:wildcard``, ``tcp:80:private@docker-*.scope``, ``not_checked:SCTP``."""

from __future__ import annotations

from dataclasses import dataclass

PACKET = "packet"
NOT_CHECKED = "not_checked:"


@dataclass(frozen=True)
class Key:
    """Where something listens. ``bind`` is a class of ``addresses``, ``wire`` for a packet socket."""

    protocol: str
    port: int
    bind: str
    space: str = ""
    """The network namespace by name, empty for the host's own."""

    def __str__(self) -> str:
        return f"{self.protocol}:{self.port}:{self.bind}" + (f"@{self.space}" if self.space else "")


def parse(text: str) -> Key:
    """The key of an item that is no ``not_checked`` one."""
    protocol, port, where = text.split(":", 2)
    bind, _, space = where.partition("@")
    return Key(protocol, int(port), bind, space)
