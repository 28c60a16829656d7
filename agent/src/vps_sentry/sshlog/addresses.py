# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses as sshd prints them, and the networks they count for; what is not certain is None."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Optional

_OCTET = rb"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rb"(?:" + _OCTET + rb"\.){3}" + _OCTET)
# ipaddress takes any text after the percent sign, "@everyone" included.
_IPV6 = re.compile(rb"[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9_.-]{1,15})?")

# Who knocks once knocks often.
_KEPT = 1024


@lru_cache(maxsize=_KEPT)
def address(raw: bytes) -> Optional[str]:
    """The canonical text of an IPv4 or IPv6 address, mapped ones as IPv4; None for anything else."""
    if _IPV4.fullmatch(raw):
        return raw.decode("ascii")
    if b":" not in raw or not _IPV6.fullmatch(raw):
        return None
    # Imported here: most hosts never log anything but IPv4, and this costs 6 ms.
    import ipaddress

    try:
        found = ipaddress.IPv6Address(raw.decode("ascii"))
    except ValueError:
        return None
    return str(found.ipv4_mapped or found)


@lru_cache(maxsize=_KEPT)
def network(text: str) -> str:
    """The network an ``address`` counts for: /24 of IPv4, /48 of IPv6 (docs/contracts.md section 7)."""
    if ":" not in text:
        return text.rpartition(".")[0] + ".0/24"
    import ipaddress

    return str(ipaddress.IPv6Network((text.partition("%")[0], 48), strict=False))


def within(text: str, cidr: str) -> bool:
    """Whether an ``address`` lies in ``cidr`` (an address, a network, or ``any``); False when ``cidr`` is neither."""
    if cidr == "any":
        return True
    import ipaddress

    try:
        return ipaddress.ip_address(text.partition("%")[0]) in ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False
