# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports as files: a map of weak spots, so readable by their owner only and never half written."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Mapping


def write_result(path: Path, document: Mapping[str, Any]) -> None:
    """Replace ``path`` by ``document`` as JSON, mode 0600. Raises OSError."""
    write_private(path, json.dumps(document, indent=2, sort_keys=True) + "\n")


def write_private(path: Path, text: str) -> None:
    """Replace ``path`` by ``text``, mode 0600. Raises OSError."""
    descriptor, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(text)
        os.replace(part, path)
    except OSError:
        os.unlink(part)
        raise
