# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log once more as JSON lines beside an SQLite store: to keep elsewhere, to compare, to rebuild from."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Iterator, List, Optional

from ..core import canonical, codec
from ..store import Store, StoreError
from . import chain, log
from .chain import Entry
from .planfile import PlanError


def place(store: Store) -> Optional[Path]:
    """Where the lines lie; None for a database server, whose own archive does that work."""
    path = store.place.path
    return None if path is None else path.with_name(f"{path.name}.audit.jsonl")


def update(store: Store) -> None:
    """Append what the log has and the lines have not. Never rewrites a line: one that was cut off is completed.

    Raises StoreError when the lines are another log's.
    """
    path = place(store)
    if path is None:
        return
    whole, end, rest = (path.read_bytes() if path.exists() else b"").rpartition(b"\n")
    known = (whole + end).count(b"\n")
    with store.read() as connection:
        new = [entry for entry in log.entries(connection) if entry.n > known]
    lines = b"".join(canonical.dumps(asdict(entry)) + b"\n" for entry in new)
    if not lines.startswith(rest):
        raise StoreError(f"{path} ends in half a line that is not this log's: move it away and keep it")
    if lines == rest:
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "ab") as handle:
        handle.write(lines[len(rest) :])
        handle.flush()
        os.fsync(handle.fileno())


def read(path: Path) -> List[Entry]:
    """The entries in a file of lines. Raises PlanError naming the line that is none."""
    found = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as exc:
        raise PlanError(f"cannot read {path}: {exc.strerror}") from exc
    for number, line in enumerate(lines, 1):
        try:
            found.append(codec.decode(Entry, json.loads(line)))
        except (ValueError, RecursionError, codec.CodecError) as exc:
            raise PlanError(f"{path}, line {number}: {exc}") from exc
    return found


def differences(store: Store) -> Iterator[str]:
    """Where lines and log do not agree. Entries that are not written out yet are no difference."""
    path = place(store)
    if path is None or not path.exists():
        return
    lines = read(path)
    yield from (f"{path}: {told}" for told in chain.breaks(lines))
    with store.read() as connection:
        heads = log.heads(connection)
    for entry, head in zip(lines, heads):
        if entry.head != head:
            yield f"{path}: entry {entry.n} is another one than in the store"
            return
    if len(lines) > len(heads):
        yield f"{path} holds {len(lines) - len(heads)} entries more than the store: it was put back to an older backup"
