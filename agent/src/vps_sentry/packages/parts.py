# SPDX-License-Identifier: GPL-3.0-or-later
"""The sweep over what packages brought: which files are looked at when, and which contents are read. Pure.

Every stat record is compared once an hour, every content read once a day of uptime.
"""

from __future__ import annotations

from typing import Dict, Iterable, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

from ..tick.sweep import SLICES
from .index import Part, Slice

FILES = 256
"""So many files are one part."""
DAY = 86_400
LATE = 2 * 3600
"""Seconds of uptime after which a part not looked at is worth a word."""
_TEXT = 64 * 1024
# What is run or loaded into what is run is read first.
_FIRST = (b"/usr/bin/", b"/usr/sbin/", b"/usr/lib/", b"/usr/lib64/", b"/usr/libexec/")


class Hand(NamedTuple):
    """The parts a look begins with."""

    resting: List[Part]
    """Read and as they were."""
    due: List[Part]
    """Those of them whose stat records this very run must compare."""
    waiting: List[Part]
    """Still to be read."""


def split(key: str, places: Sequence[bytes], *, clock: int) -> Iterator[Part]:
    """The parts of a package that has just been met; how late they are is counted from then, ``clock``."""
    start = 0
    while start < len(places):
        end, letters = start, 0
        while end < len(places) and end - start < FILES and letters < _TEXT:
            letters += len(places[end])
            end += 1
        yield Part(b"\n".join(places[start:end]), b"", key, clock, 0, 0)
        start = end


def take_up(
    slices: Tuple[Slice, ...], waiting: Iterable[Tuple[object, ...]], *, done: int, when: Mapping[int, int]
) -> Hand:
    """What the last index left. ``done`` ticks have looked at their slice since, number N at ``when[N]``."""
    resting: List[Part] = []
    due: List[Part] = []
    for number, content in enumerate(slices):
        for values in content:
            part = Part(*values)
            if number == done:
                due.append(part)
            else:
                resting.append(part._replace(looked=when[number]) if number < done else part)
    return Hand(resting, due, [Part(*values) for values in waiting])  # type: ignore[arg-type]


def urgency(part: Part) -> Tuple[int, bytes]:
    """Sort key of what is read first."""
    return (not part.text.startswith(_FIRST), part.text[:80])


def deal(resting: Iterable[Part]) -> Tuple[Slice, ...]:
    """The parts in as many slices as there are ticks in an hour, the longest not looked at first."""
    ordered = sorted(resting, key=lambda part: (part.looked, part.key, part.text[:200]))
    total = sum(weight(part) for part in ordered) or 1
    slices: List[List[Tuple[object, ...]]] = [[] for _ in range(SLICES)]
    before = 0
    for part in ordered:
        slices[before * SLICES // total].append(tuple(part))
        before += weight(part)
    return tuple(tuple(content) for content in slices)


def weight(part: Part) -> int:
    """How many files it is."""
    return part.text.count(b"\n") + 1


def stale(resting: Sequence[Part], *, clock: int, budget: int) -> List[Part]:
    """Those whose content is read again now: more than a day old, the oldest first, within ``budget`` bytes."""
    chosen: List[Part] = []
    left = budget
    for part in sorted(resting, key=lambda entry: entry.read):
        if clock - part.read < DAY or (part.size > left and chosen):
            break
        left -= part.size
        chosen.append(part)
    return chosen


def by_package(parts: Iterable[Part]) -> Dict[str, List[Part]]:
    """Package -> its parts."""
    found: Dict[str, List[Part]] = {}
    for part in parts:
        found.setdefault(part.key, []).append(part)
    return found
