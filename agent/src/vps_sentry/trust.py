# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that decide what root does: read only when root alone could have written them (docs/contracts.md section 5)."""

from __future__ import annotations

import os
import stat
from typing import Optional

from .errors import ConfigError

LIMIT = 1024 * 1024


def read(path: str, *, user: int) -> Optional[bytes]:
    """Content of ``path``, None when it does not exist.

    When ``user`` (the effective uid) is 0, every component from ``/`` must belong to root and be writable by
    nobody else, judged on the opened file. Raises ConfigError naming the component and the remedy.
    """
    path = os.path.abspath(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}; it must be a readable regular file") from exc
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError(f"{path}: not a regular file")
        if user == 0:
            _refuse_foreign(path, found)
            _refuse_parents(path)
        with open(descriptor, "rb", closefd=False) as handle:
            data = handle.read(LIMIT + 1)
    finally:
        os.close(descriptor)
    if len(data) > LIMIT:
        raise ConfigError(f"{path}: larger than {LIMIT} bytes")
    return data


def misplaced(path: str, *, user: int) -> str:
    """Why root would not obey ``path`` where it lies; empty when it would."""
    try:
        read(path, user=user)
    except ConfigError as exc:
        return f"root would not obey this file: {exc}"
    return ""


def exposed(path: str) -> str:
    """That others may read a file with secrets, and the remedy; empty when they may not."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return ""
    return f"{path} may hold secrets and others may read it; run: chmod 600 {path}" if mode & 0o077 else ""


def _refuse_parents(path: str) -> None:
    parent = os.path.dirname(path)
    while True:
        _refuse_foreign(parent, os.lstat(parent))
        if parent == "/":
            return
        parent = os.path.dirname(parent)


def _refuse_foreign(path: str, found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise ConfigError(f"{path}: is a link; name the real path")
    if found.st_uid != 0:
        raise ConfigError(f"{path}: belongs to uid {found.st_uid}, not to root; run: chown root:root {path}")
    if found.st_mode & stat.S_ISVTX:
        raise ConfigError(f"{path}: others may write there; put the file where only root may, such as /etc")
    if found.st_mode & 0o022:
        raise ConfigError(f"{path}: others may write it; run: chmod go-w {path}")
