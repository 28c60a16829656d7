# SPDX-License-Identifier: GPL-3.0-or-later
"""What the place of output can show."""

from __future__ import annotations

import os
from typing import Mapping, TextIO

NARROWEST = 60


def wants_color(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """A terminal, unless NO_COLOR (no-color.org) says otherwise."""
    return stream.isatty() and not environ.get("NO_COLOR")


def width_of(stream: TextIO) -> int:
    """Columns of the terminal; 120 where there is none to ask."""
    try:
        return max(os.get_terminal_size(stream.fileno()).columns, NARROWEST)
    except (OSError, ValueError):
        return 120
