# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release carries for places outside of it (commands, units, their user), and how a rollback gives it back.

An installation puts these files there itself and records them in ``PREFIX/installed``: lines ``sha256  path``.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

from release_files import ReleaseError

ROOMS = {
    "deploy/bin/": "/usr/local/bin/",
    "deploy/systemd/": "/etc/systemd/system/",
    "deploy/sysusers.d/": "/etc/sysusers.d/",
}
"""Where in a release they lie, and where they belong. Nothing else is written or removed outside of a release."""
_OWN = re.compile(r"/(usr/local/bin|etc/systemd/system|etc/sysusers\.d)/vps-sentry[a-z./-]*", re.ASCII)
_TIMER = "/etc/systemd/system/vps-sentry.timer"


class Move(NamedTuple):
    """A file outside of the release that has to become another; gone, where ``data`` is None."""

    path: str
    data: Optional[bytes]
    mode: int


class Outside(NamedTuple):
    """Where the places outside of a release are: below ``top``; ``record`` says what was installed there."""

    top: Path
    record: Path


def outside(prefix: Path) -> Outside:
    """Of the releases in ``prefix``."""
    return Outside(prefix.parents[1], prefix / "installed")


def moves(place: Path, there: Outside, *, overwrite: bool) -> List[Move]:
    """What lies outside otherwise than the release in ``place`` wants it; none when it carries nothing.

    Raises ReleaseError where a file is neither the recorded one nor the wanted one, unless ``overwrite``.
    """
    wanted = _carried(place)
    known = _recorded(there.record)
    found = []
    for path in sorted(set(wanted) | set(known)) if wanted else ():
        move, digest = wanted.get(path, Move(path, None, 0)), _digest(_below(there.top, path))
        if digest == (_hash(move.data) if move.data is not None else None):
            continue
        if digest not in (None, known.get(path)) and not overwrite:
            raise ReleaseError(f"{path} was changed by hand since it was installed; put it right, or add --overwrite")
        found.append(move)
    return found


def _carried(place: Path) -> Dict[str, Move]:
    found = {}
    for room, target in ROOMS.items():
        for path in sorted((place / room).rglob("*")):
            if path.is_file():
                name = target + path.relative_to(place / room).as_posix()
                found[name] = Move(name, path.read_bytes(), path.stat().st_mode & 0o777)
    return found


def _recorded(record: Path) -> Dict[str, str]:
    lines = record.read_text("ascii", "replace").splitlines() if record.is_file() else []
    rows = (line.partition("  ") for line in lines)
    return {path: digest for digest, _, path in rows if _OWN.fullmatch(path) and ".." not in path}


def _below(top: Path, path: str) -> Path:
    return top / path.lstrip("/")


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _digest(path: Path) -> Optional[str]:
    if path.is_symlink():
        return "link"
    return _hash(path.read_bytes()) if path.exists() else None


def put(place: Path, there: Outside, *, changes: List[Move]) -> None:
    """Make ``changes``, each file at once or not at all, and record what of the release lies outside of it then."""
    for move in changes:
        target = _below(there.top, move.path)
        if move.data is None:
            target.unlink()
        else:
            _write(target, move.data, mode=move.mode)
    carried = _carried(place)
    lines = "".join(f"{_hash(move.data or b'')}  {path}\n" for path, move in sorted(carried.items())).encode("ascii")
    if carried and (not there.record.is_file() or there.record.read_bytes() != lines):
        _write(there.record, lines, mode=0o644)


def _write(target: Path, data: bytes, *, mode: int) -> None:
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    fresh = target.with_name(f"{target.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.write_bytes(data)
    fresh.chmod(mode)
    fresh.replace(target)


def tell_systemd(changes: List[Move]) -> None:
    """Let systemd see other units, and the timer begin anew if it is another. Raises OSError when it cannot."""
    paths = [move.path for move in changes]
    if not os.path.isdir("/run/systemd/system") or not any(path.startswith("/etc/systemd/") for path in paths):
        return
    commands = [
        ["systemctl", "daemon-reload"],
        *([["systemctl", "try-restart", "vps-sentry.timer"]] * (_TIMER in paths)),
    ]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ReleaseError(f"{' '.join(command)} failed: {done.stderr.strip()}; run it by hand")
