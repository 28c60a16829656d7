# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests of what the controller sends to a host, taken from its own bytes."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple

MAX_BYTES = 64 * 1024 * 1024
"""A larger file is not read: a play must not wait for its record, and the agent reads it rarely, too."""
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Content:
    """``sha1`` is Ansible's ``checksum``, ``sha256`` the agent's."""

    sha1: str
    sha256: str
    size: int


def of_bytes(data: bytes) -> Content:
    """Of content that is at hand."""
    return Content(hashlib.sha1(data, usedforsecurity=False).hexdigest(), hashlib.sha256(data).hexdigest(), len(data))


@dataclass
class Files:
    """Digests of local files; one that did not move is read once, however many hosts get it."""

    _known: Dict[Tuple[str, int, int, int], Optional[Content]] = field(default_factory=dict)

    def of(self, path: str) -> Optional[Content]:
        """None for what is no regular file, too large, or cannot be read."""
        try:
            found = os.stat(path)
            place = (path, found.st_ino, found.st_size, found.st_ctime_ns)
            if place not in self._known:
                self._known[place] = _read(path)
        except OSError:
            return None
        return self._known[place]


def _read(path: str) -> Optional[Content]:
    sha1, sha256, size = hashlib.sha1(usedforsecurity=False), hashlib.sha256(), 0
    if not os.path.isfile(path) or os.path.getsize(path) > MAX_BYTES:
        return None
    with open(path, "rb") as handle:
        while size <= MAX_BYTES:
            piece = handle.read(_CHUNK)
            if not piece:
                return Content(sha1.hexdigest(), sha256.hexdigest(), size)
            sha1.update(piece)
            sha256.update(piece)
            size += len(piece)
    return None


def of_diff(result: Mapping[str, Any], *, scratch: str) -> Optional[Content]:
    """Of what ``--diff`` shows of a rendered template.

    A host can put any diff into its answer, but not one that names the file in ``scratch`` that the controller
    rendered it into: a folder with a random name, which no host is told.
    """
    shown = result.get("diff")
    for entry in shown if isinstance(shown, list) else [shown]:
        if isinstance(entry, dict):
            header, after = entry.get("after_header"), entry.get("after")
            if isinstance(header, str) and isinstance(after, str) and header.startswith(f"{scratch}/"):
                return of_bytes(after.encode("utf-8", "surrogateescape"))
    return None
