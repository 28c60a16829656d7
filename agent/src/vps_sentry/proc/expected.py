# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports a person announced: ``tcp:22``, ``tcp:3100-3199``, ``raw:1``, perhaps with the one program that may open it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Mapping, Optional, Union

_RANGE = re.compile(r"(tcp|udp|udplite|raw):([0-9]{1,5})(?:-([0-9]{1,5}))?")


@dataclass(frozen=True)
class ExpectedPort:
    """A port, or a range of them, that only ``exe`` is expected to open; any program without it."""

    port: str
    """``tcp:22``, ``udp:51820``, ``tcp:3100-3199`` or, by protocol number, ``raw:1``."""
    exe: Optional[str] = None
    """The one program expected there; without it any, but the first one seen is what a later change is measured by."""


@dataclass(frozen=True)
class PortRange:
    """The ports ``first`` to ``last`` of one protocol, and the only program expected there, if one is named."""

    protocol: str
    first: int
    last: int
    exe: Optional[str]

    def covers(self, protocol: str, port: int, *, held_by: List[Mapping[str, str]]) -> bool:
        """Whether this port, held by these owners and by nobody else, was announced."""
        within = protocol == self.protocol and self.first <= port <= self.last
        return within and (self.exe is None or all(owner["exe"] == self.exe for owner in held_by))


def parse(entry: Union[str, ExpectedPort]) -> PortRange:
    """One entry of the option ``expected``. Raises ValueError naming the entry and what is wrong with it."""
    wanted = ExpectedPort(entry) if isinstance(entry, str) else entry
    match = _RANGE.fullmatch(wanted.port)
    if not match:
        raise ValueError(f"expected: {wanted.port!r} is not PROTOCOL:PORT or PROTOCOL:FIRST-LAST, such as tcp:22")
    first = int(match[2])
    last = int(match[3] or first)
    lowest, highest = (0, 255) if match[1] == "raw" else (1, 65535)
    if not lowest <= first <= last <= highest:
        raise ValueError(f"expected: {wanted.port!r} is no range within {lowest} to {highest}")
    if wanted.exe is not None and not wanted.exe.startswith("/"):
        raise ValueError(f"expected: {wanted.port!r} has exe {wanted.exe!r}, which is not an absolute path")
    return PortRange(match[1], first, last, wanted.exe)
