#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""An earlier release as it could have been: these sources as version 0.0.9, with other units. Run: older.py DIR."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VERSION = "0.0.9"
MARK = f"# Of release {VERSION}.\n"
UNITS = ("vps-sentry.service", "vps-sentry.timer")


def make_older(place: Path) -> Path:
    """Put a checkout that ``scripts/install.sh`` and ``release.py`` can work from into ``place``."""
    for name in ("agent/src", "deploy"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    (place / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/install.sh", place / "scripts")
    (place / "agent/src/vps_sentry/__init__.py").write_text(f'"""Older."""\n\n__version__ = "{VERSION}"\n')
    for name in UNITS:
        with (place / "deploy/systemd" / name).open("a") as unit:
            unit.write(MARK)
    return place


if __name__ == "__main__":
    make_older(Path(sys.argv[1]))
