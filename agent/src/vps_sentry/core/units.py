# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations and sizes as people write them in a configuration."""

from __future__ import annotations

import re

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_DURATION = re.compile(r"([0-9]{1,6})(s|m|h|d|w)", re.ASCII)
_SIZE = re.compile(r"([0-9]{1,9})(B|KiB|MiB|GiB)", re.ASCII)


def duration(text: str) -> int:
    """``30s``, ``5m``, ``1h``, ``30d``, ``2w`` as seconds. Raises ValueError saying what is expected."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not a duration; write a number and s, m, h, d or w, such as 1h")
    return int(found[1]) * _SECONDS[found[2]]


def size(text: str) -> int:
    """``512KiB``, ``256MiB`` as bytes. Raises ValueError saying what is expected."""
    found = _SIZE.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not a size; write a number and B, KiB, MiB or GiB, such as 256MiB")
    return int(found[1]) * _BYTES[found[2]]
