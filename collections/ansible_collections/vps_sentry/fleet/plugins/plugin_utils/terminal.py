# SPDX-License-Identifier: GPL-3.0-or-later
"""What the place of output can show."""

from __future__ import annotations

from typing import Mapping, TextIO


def wants_color(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """A terminal, unless NO_COLOR (no-color.org) says otherwise."""
    return stream.isatty() and not environ.get("NO_COLOR")
