# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports a person announced: ``tcp:22``, ``tcp:3100-3199``, ``raw:1``, perhaps with the one program that may open it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import List, Mapping, Optional, Union

from .keys import Key

_RANGE = re.compile(r"(tcp|udp|udplite|raw|packet):([0-9]{1,5})(?:-([0-9]{1,5}))?")


@dataclass(frozen=True)
class ExpectedPort:
    """A port, or a range of them, that only ``exe`` is expected to open; any program without it."""

    port: str
    """``tcp:22``, ``udp:51820``, ``tcp:3100-3199`` or, by protocol number, ``raw:1``."""
    exe: Optional[str] = None
    """The one program expected there; without it any, but the first one seen is what a later change is measured by."""
    namespace: Optional[str] = None
    """A pattern for names of network namespaces, such as ``docker-*.scope``; without it the host's own is meant."""


@dataclass(frozen=True)
class PortRange:
    """The ports ``first`` to ``last`` of one protocol, and the only program expected there, if one is named."""

    protocol: str
    first: int
    last: int
    exe: Optional[str]
    namespace: str = ""

    def includes(self, place: Key) -> bool:
        """Whether this port was announced, whoever holds it."""
        within = place.protocol == self.protocol and self.first <= place.port <= self.last
        return within and (fnmatchcase(place.space, self.namespace) if place.space else not self.namespace)

    def covers(self, place: Key, *, held_by: List[Mapping[str, str]]) -> bool:
        """Whether this port, held by these owners and by nobody else, was announced."""
        return self.includes(place) and (self.exe is None or all(owner["exe"] == self.exe for owner in held_by))


def parse(entry: Union[str, ExpectedPort]) -> PortRange:
    """One entry of the option ``expected``. Raises ValueError naming the entry and what is wrong with it."""
    wanted = ExpectedPort(entry) if isinstance(entry, str) else entry
    match = _RANGE.fullmatch(wanted.port)
    if not match:
        raise ValueError(f"expected: {wanted.port!r} is not PROTOCOL:PORT or PROTOCOL:FIRST-LAST, such as tcp:22")
    first = int(match[2])
    last = int(match[3] or first)
    lowest, highest = {"raw": (0, 255), "packet": (0, 65535)}.get(match[1], (1, 65535))
    if not lowest <= first <= last <= highest:
        raise ValueError(f"expected: {wanted.port!r} is no range within {lowest} to {highest}")
    if wanted.exe is not None and not wanted.exe.startswith("/"):
        raise ValueError(f"expected: {wanted.port!r} has exe {wanted.exe!r}, which is not an absolute path")
    return PortRange(match[1], first, last, wanted.exe, wanted.namespace or "")
