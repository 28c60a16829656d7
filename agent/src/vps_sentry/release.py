# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed release this code runs from."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Optional


def manifest(package: str) -> Path:
    """Where the MANIFEST of the release lies, seen from the package's folder ``RELEASE/lib/vps_sentry``."""
    return Path(package).parent.parent / "MANIFEST"


def agent_digest(package: str) -> Optional[str]:
    """``sha256:`` + hex of the MANIFEST; None when the code runs from a checkout."""
    try:
        return "sha256:" + hashlib.sha256(manifest(package).read_bytes()).hexdigest()
    except OSError:
        return None
