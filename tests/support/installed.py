# SPDX-License-Identifier: GPL-3.0-or-later
"""A small release as the installer leaves it on a host."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from vps_sentry import release

MAIN = "lib/vps_sentry/__main__.py"
SOURCES = {MAIN: "VALUE = 1\n", "lib/vps_sentry/tick/__init__.py": "", "bin/vps-sentry": "#!/usr/bin/python3 -IS\n"}


def installed(top: Path, version: str = "1.0") -> Path:
    """A release as the installer leaves it."""
    rows = "".join(
        f"{hashlib.sha256(text.encode()).hexdigest()}  0644  {name}\n" for name, text in sorted(SOURCES.items())
    )
    place = top / f"{version}-{hashlib.sha256(rows.encode()).hexdigest()[:12]}"
    for name, text in {**SOURCES, "MANIFEST": rows}.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
        (place / name).chmod(0o644)
    release.recompile(place)
    return place


def other_python(place: Path) -> None:
    """As a distribution upgrade leaves it: the bytecode is another Python's."""
    for path in list(place.rglob("*.pyc")):
        path.rename(path.with_name(path.name.replace(sys.implementation.cache_tag or "", "cpython-38")))
