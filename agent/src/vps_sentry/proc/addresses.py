# SPDX-License-Identifier: GPL-3.0-or-later
"""Who can reach an address a socket is bound to (docs/contracts.md section 7, public listener)."""

from __future__ import annotations

import socket
from typing import Literal, Tuple

Bind = Literal["wildcard", "public", "private", "loopback"]

_MAPPED = b"\0" * 10 + b"\xff\xff"
_PRIVATE: Tuple[Tuple[bytes, int], ...] = (
    (bytes((10, 0, 0, 0)), 8),
    (bytes((172, 16, 0, 0)), 12),
    (bytes((192, 168, 0, 0)), 16),
    (bytes((100, 64, 0, 0)), 10),
    (bytes((169, 254, 0, 0)), 16),
    (bytes((0xFC,)) + b"\0" * 15, 7),
    (bytes((0xFE, 0x80)) + b"\0" * 14, 10),
)


def unwrap(address: bytes) -> bytes:
    """A packed address; an IPv4-mapped IPv6 one (RFC 4291 2.5.5.2) as the IPv4 address it means."""
    return address[12:] if len(address) == 16 and address.startswith(_MAPPED) else address


def classify(address: bytes) -> Bind:
    """The class of a packed, unwrapped address of 4 or 16 bytes."""
    if not any(address):
        return "wildcard"
    if address[0] == 127 if len(address) == 4 else address == b"\0" * 15 + b"\1":
        return "loopback"
    return "private" if any(_within(address, network) for network in _PRIVATE) else "public"


def _within(address: bytes, network: Tuple[bytes, int]) -> bool:
    start, bits = network
    moved = int.from_bytes(address, "big") ^ int.from_bytes(start, "big")
    return len(address) == len(start) and not moved >> (8 * len(address) - bits)


def text(address: bytes) -> str:
    """A packed address as inet_ntop(3) writes it."""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)
