# SPDX-License-Identifier: GPL-3.0-or-later
"""How many entries one look holds over all watches, so that no number of files makes it outgrow its unit. Pure."""

from __future__ import annotations

from typing import Container, Iterator, Sequence, Tuple

from .entries import Compiled

ENTRIES = 120_000
"""What ``MemoryMax`` of the unit is made for; where there are more, their watch says ``truncated``."""
LETTERS = 160
"""Of all names an entry has on average, their directories included; longer ones count as several entries."""
_SET_ASIDE = 5000


def in_turn(watches: Sequence[Compiled], first: Container[object]) -> Iterator[Tuple[int, Compiled, int]]:
    """The number of each watch, the watch, and how many entries there may be once it has been looked at.

    Those at the places ``first`` come first, and some entries are set aside for each that follows: who may write
    below one watch cannot take another out of sight.
    """
    order = sorted(range(len(watches)), key=lambda number: watches[number][:1] + watches[number][2:3] not in first)
    aside = min(_SET_ASIDE, ENTRIES // (2 * max(1, len(watches))))
    for after, number in zip(reversed(range(len(watches))), order):
        yield number, watches[number], ENTRIES - aside * after


def within(watch: Compiled, left: int) -> Compiled:
    """``watch``, of which at most ``left`` entries are looked at."""
    return (*watch[:4], max(0, min(watch[4], left)), watch[5])
