# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes in traffic and was not looked at, as items: silence is never an answer."""

from __future__ import annotations

from typing import Dict, Iterable

from ..core.model import Change, Rating, Severity, Value
from ..tick import ports, unseen
from .keys import NOT_CHECKED
from .listeners import stable

LOOKED_AT = (
    "TCP and MPTCP listeners, IPv4 and IPv6",
    "unconnected UDP and UDP-Lite sockets, IPv4 and IPv6",
    "raw sockets, IPv4 and IPv6",
    "packet sockets",
    "all of these in every network namespace in which a process lives and from which a route leads out",
)
"""The families of sockets this release looks at, for people."""

_REASONS = {
    unseen.NAT: "addresses are translated here (containers, forwarding): a rule may open a port that no socket stands "
    "for; see: nft list ruleset; iptables -t nat -S",
    unseen.VSOCK: "vsock sockets, which only the hypervisor reaches, are not listed; see: ss --vsock -lnp",
    ports.MANY: "there are too many network namespaces to look at all of them; see: lsns -t net",
    ports.SHY: "some processes hide their network namespace, so what listens there is not known; see: lsns -t net",
}


def items(hidden: Iterable[str]) -> Dict[str, Value]:
    """One item per word of ``tick.ports``; the value says why and where to look instead."""
    return {f"{NOT_CHECKED}{stable(word)}": {"reason": _reason(stable(word))} for word in hidden}


def _reason(word: str) -> str:
    if word.startswith(ports.EMPTY):
        return (
            f"no process lives in network {word}, so what listens there cannot be seen; see: ip netns exec NAME ss -lnp"
        )
    return _REASONS.get(word, f"{word} sockets are in use, which this release cannot list; see: ss -anp")


def rate(change: Change) -> Rating:
    """A warning, except for what only the hypervisor reaches and what a container engine leaves for a moment."""
    word = change.key[len(NOT_CHECKED) :]
    if change.change == "removed":
        return Rating("port_not_checked", "info", f"no longer left out: {word}")
    severity: Severity = "info" if word == unseen.VSOCK or "*" in word else "warning"
    return Rating("port_not_checked", severity, f"not looked at: {(change.after or {}).get('reason')}")
