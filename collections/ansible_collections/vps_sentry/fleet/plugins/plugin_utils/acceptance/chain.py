# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log as a hash chain: each entry names the one before it, so none can be altered or left out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, Iterator, Optional

from ..core import codec, digest

GENESIS = "sha256:" + "0" * 64
"""Head of a log without entries."""


@dataclass(frozen=True)
class Entry:
    """One thing that was done. ``detail`` holds plain JSON values; ``at`` is RFC 3339 UTC by the controller's clock."""

    n: int
    prev: str
    at: str
    who: str
    what: str
    plan_id: str
    detail: Dict[str, Any]

    @property
    def head(self) -> str:
        """The head of the log that ends with this entry."""
        return digest.digest(codec.encode(self))


def breaks(entries: Iterable[Entry], *, heads: Optional[Iterable[str]] = None) -> Iterator[str]:
    """Where the chain does not hold, in words; ``heads`` are those recorded beside the entries."""
    prev, number = GENESIS, 0
    recorded = iter(heads) if heads is not None else None
    for entry in entries:
        number += 1
        if entry.n != number:
            yield f"entry {number} is missing: the next one is {entry.n}"
            number = entry.n
        if entry.prev != prev:
            yield f"entry {entry.n} ({entry.at}, {entry.what}) does not follow the one before it"
        prev = entry.head
        if recorded is not None and next(recorded, None) != prev:
            yield f"entry {entry.n} ({entry.at}, {entry.what}) was altered after it was written"
