# SPDX-License-Identifier: GPL-3.0-or-later
"""What dpkg was told to leave out (path-exclude in dpkg.cfg(5)): such files are missing on purpose."""

from __future__ import annotations

import fnmatch
import os
import re
from typing import Callable, List, Tuple

from ..errors import CollectError
from ..host import Host

_FILE = "/etc/dpkg/dpkg.cfg"
_FOLDER = "/etc/dpkg/dpkg.cfg.d"
_NAME = re.compile(rb"[A-Za-z0-9_-]+\Z")


def left_out(host: Host) -> Callable[[bytes], bool]:
    """Whether a place is left out. Later lines overrule earlier ones, as dpkg has it; ``*`` matches ``/`` too."""
    rules: List[Tuple[re.Pattern[str], bool]] = []
    for path in (_FILE, *_below(host)):
        try:
            text = host.read(path, limit=256 * 1024)
        except CollectError:
            continue
        for line in text.decode("utf-8", "surrogateescape").splitlines():
            name, _, pattern = line.strip().replace(" ", "=", 1).partition("=")
            if name in ("path-exclude", "path-include"):
                rules.append((re.compile(fnmatch.translate(pattern.strip(" ='\""))), name == "path-exclude"))

    def judge(place: bytes) -> bool:
        text, out = os.fsdecode(place), False
        for pattern, excludes in rules:
            if pattern.match(text):
                out = excludes
        return out

    return judge


def _below(host: Host) -> List[str]:
    try:
        folder = os.path.dirname(host.locate(os.fsencode(_FOLDER) + b"/entry"))
        names = sorted(name for name in os.listdir(folder) if _NAME.match(name))
    except OSError:
        return []
    return [f"{_FOLDER}/{os.fsdecode(name)}" for name in names]
