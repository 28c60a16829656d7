# SPDX-License-Identifier: GPL-3.0-or-later
"""What every source of sshd's messages hands out, and how it says that something is missing."""

from __future__ import annotations

from typing import Any, Dict, Iterator, NamedTuple, Optional, Protocol

DROPPED = "systemd-journald"
"""Identifier of journald's own word that it dropped messages of a unit."""


class Record(NamedTuple):
    """One message of sshd, or journald's word about dropping some."""

    time: int
    """Seconds since the epoch, as logged."""
    identifier: str
    pid: int
    """0 when unknown."""
    message: bytes
    trusted: bool


class Source(Protocol):
    """One pass over what is new. All but ``name`` is final once the iteration has ended."""

    name: str
    position: Dict[str, Any]
    """Where to go on next time; plain JSON."""
    missing: Optional[str]
    """Why records between the last pass and this one cannot be read any more; None when none are missing."""
    gaps: Dict[str, str]
    """What else may be missing or misplaced: a word for it, and what happened."""
    more: bool
    """The cap of one pass was reached; the rest comes next time."""

    def __iter__(self) -> Iterator[Record]: ...
