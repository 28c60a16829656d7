# SPDX-License-Identifier: GPL-3.0-or-later
"""Sliding windows over log time that remember no more than their threshold needs."""

from __future__ import annotations

from typing import List

Window = List[List[int]]
"""``[[seconds, count], ...]``, oldest first; plain JSON."""


def add(window: Window, time: int, *, count: int, span: int, threshold: int) -> bool:
    """Add ``count`` events at ``time``; whether the last ``span`` seconds now hold ``threshold`` or more.

    Exact in bounded memory: whatever lies before the newest ``threshold`` events can no longer tip the scale.
    A time far from the others (a clock that was set) is no neighbour, in either direction.
    """
    window[:] = [entry for entry in window if abs(time - entry[0]) < span]
    if window and window[-1][0] == time:
        window[-1][1] = min(window[-1][1] + count, threshold)
    else:
        window.append([time, min(count, threshold)])
    total = sum(entry[1] for entry in window)
    while total - window[0][1] >= threshold:
        total -= window.pop(0)[1]
    return total >= threshold
