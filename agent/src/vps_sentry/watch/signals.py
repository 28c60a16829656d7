# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told about contents besides the items: changed unseen, and not read again for too long."""

from __future__ import annotations

from typing import Iterator, List, Sequence

from ..core.model import Signal
from .rolling import DAY, OVERDUE, Round

_STANDS = 24 * 3600
_OVERDUE_STANDS = 4 * 3600
_HOUR = 3600


def unseen(keys: Sequence[str], now: int) -> Iterator[Signal]:
    """``file_changed_unseen`` for each file whose content differs although its stat record does not."""
    for key in keys:
        yield Signal(
            code="file_changed_unseen",
            key=key,
            severity="critical",
            title=f"content of {key} changed although its time stamps did not",
            detail="found by reading it again; either somebody covered a change by setting the clock back or by "
            "writing to the disk below the file system, or a program that maps the file into its memory wrote to it",
            seen=now,
            until=now + _STANDS,
        )


def overdue(rounds: Sequence[Round], names: List[str], *, now: int) -> Iterator[Signal]:
    """``rehash_overdue`` when contents come round, or came round last, in more than 26 hours of uptime.

    ``names`` are those of the watches.
    """
    late = sorted((entry for entry in rounds if _slow(entry) > OVERDUE), key=_slow)
    if late:
        worst = late[-1]
        watch, owner = worst.share
        yield Signal(
            code="rehash_overdue",
            key="files",
            severity="warning",
            title=f"watched contents are read again only every {_age(_slow(worst))}, not every day",
            detail=f"slowest: files of uid {owner} below {names[watch]}, oldest look {_age(worst.oldest)} ago, "
            f"a round takes {_age(worst.seconds)}; late are {len(late)} of {len(rounds)} rounds",
            seen=now,
            until=now + _OVERDUE_STANDS,
        )


def _slow(entry: Round) -> int:
    return max(entry.oldest, entry.seconds)


def _age(seconds: int) -> str:
    """Hours up to two days, then days."""
    if seconds <= 2 * DAY:
        return f"{-(-seconds // _HOUR)} hours"
    return f"{-(-seconds // DAY)} days"
