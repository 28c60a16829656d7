# SPDX-License-Identifier: GPL-3.0-or-later
"""Text and JSON onto standard output."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, Iterable

if TYPE_CHECKING:
    import argparse


def print_lines(lines: Iterable[str]) -> None:
    """Print lines; what the terminal's encoding lacks is shown escaped, never an error."""
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    for line in lines:
        print(line)
    sys.stdout.flush()


def print_json(document: Any) -> None:
    """Print a document for programs."""
    print(json.dumps(document, indent=1, sort_keys=True))
    sys.stdout.flush()


def colored(options: argparse.Namespace) -> bool:
    """Whether to colour: a terminal, and neither --no-color nor NO_COLOR."""
    return sys.stdout.isatty() and not options.no_color and not os.environ.get("NO_COLOR")
