# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundle of a host on which nothing moved: its header as it was made last, without reading a single item.

The header is believed while every file it was made of is the same file; a reader that holds not all of its buckets
gets them by the long way (``handout``). Imports next to nothing, for every controller asks every host for this.
"""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from typing import Any, Dict, List, Optional

NAME = "handout.json"
"""Where the header lies in the state directory."""
REQUEST_LIMIT = 256 * 1024
_STATE = ("last.json", "cursors.json", "baseline.json", "alerts.json", "logins.json")
_SSH = "/etc/ssh"
_PREFIX = slice(len("sha256:"), len("sha256:") + 16)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)
_NONCE = re.compile(r"[0-9a-f]{32}", re.ASCII)


@functools.lru_cache(maxsize=1)
def question() -> bytes:
    """The request line on standard input, read once; nothing at a terminal, where there is none to wait for."""
    if sys.stdin is None or sys.stdin.isatty():
        return b""
    return sys.stdin.buffer.readline(REQUEST_LIMIT + 1)


def footing() -> str:
    """The MANIFEST of the release this code runs from (``release.manifest``): another one, another agent."""
    release = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return os.path.join(release, "MANIFEST")


def signature(state: str, footing: str) -> List[str]:
    """What the header is made of: name, inode, size and times of each file; ``footing`` stands for the agent itself."""
    observed = os.path.join(state, "snapshot")
    names = [os.path.join(state, name) for name in _STATE]
    names += [os.path.join(observed, name) for name in _sorted(observed) if name.endswith(".json")]
    names += [os.path.join(_SSH, name) for name in _sorted(_SSH) if name.endswith(".pub")]
    return [_stat(name) for name in [*names, footing]]


def _sorted(folder: str) -> List[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _stat(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return path
    # As text: nanoseconds are larger than canonical JSON's integers.
    return f"{path} {found.st_dev} {found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"


def answer(state: str, footing: str) -> Optional[bytes]:
    """The bundle as canonical JSON; None when it has to be made anew."""
    try:
        with open(os.path.join(state, NAME), "rb") as handle:
            kept = json.load(handle)
        with open(os.path.join(state, "heartbeat"), "rb") as handle:
            beat = handle.read(4096).decode("ascii").split()
        if kept["signature"] != signature(state, footing):
            return None
        document, asked = kept["document"], _asked()
        if asked is None or {name[_PREFIX] for name in kept["buckets"]} - set(asked["have"]):
            return None
        if not _TIME.fullmatch(beat[0]):
            return None
        run = next(int(word[len("run=") :]) for word in beat if word.startswith("run="))
        document.update(nonce=asked["nonce"], run=max(run, document["run"]), time=max(beat[0], document["time"]))
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"
    except (OSError, ValueError, LookupError, TypeError, StopIteration):
        # Whatever is wrong with it, it only saves work.
        return None


def _asked() -> Optional[Dict[str, Any]]:
    """A request as controllers write it; None for everything else, which the long way judges."""
    line = question()
    if not 0 < len(line) <= REQUEST_LIMIT:
        return None
    asked = json.loads(line)
    known = isinstance(asked, dict) and sorted(asked) == ["have", "nonce", "schema"] and asked["schema"] == 1
    if not known or not isinstance(asked["nonce"], str) or not _NONCE.fullmatch(asked["nonce"]):
        return None
    return asked if all(isinstance(name, str) for name in asked["have"]) else None
