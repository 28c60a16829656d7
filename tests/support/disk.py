# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk below a directory, looked at with the check ``files`` and with its stamp."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Callable, List, Mapping, Optional, Tuple

from vps_sentry.checks import Context, files
from vps_sentry.checks.files import Options
from vps_sentry.core.diff import diff_items
from vps_sentry.core.model import Observation, Value
from vps_sentry.host import Host
from vps_sentry.tick import take

ONLY_W = Options(defaults=False, watch=("/w",))
NOTHING = Observation("ok")
SETTLED = 10
"""Seconds later than now at which a look is said to begin, so that fresh files count as settled."""

Seen = Tuple[str, str, Tuple[str, ...]]
"""Kind of change, key, and the fields that differ (none told for added and removed)."""


@dataclass
class Disk:
    """What ``options`` watch below ``root``."""

    root: Path
    options: Options = field(default=ONLY_W)

    @property
    def host(self) -> Host:
        return Host(root=str(self.root))

    def look(
        self,
        before: Observation = NOTHING,
        *,
        later: int = SETTLED,
        full: bool = False,
        accepted: Optional[Mapping[str, Value]] = None,
    ) -> Observation:
        """One collect that knows what ``before`` left, begun ``later`` seconds from now."""
        now = int(time.time()) + later
        memory = before.memory or {}
        context = Context(self.host, self.options, now, memory, lambda: before.cache or b"", full)
        return files.collect(replace(context, baseline=accepted or {}, accepted=accepted is not None))

    def quiet(self, observation: Observation = NOTHING) -> Callable[[], Tuple[bytes, ...]]:
        """The quiet path as a run after ``observation`` leaves it: it knows no options, only what was laid out then."""
        stamps = files.stamps(self.options, self.host, observation.memory or {})
        return lambda: tuple(take(*stamp) for stamp in stamps)


def changes(before: Observation, after: Observation) -> List[Seen]:
    """What a person would be told, in key order."""
    found = diff_items("files", before=before.items, after=after.items)
    return [(c.change, c.key, c.fields() if c.change == "changed" else ()) for c in found]


def write(path: Path, content: bytes = b"one", *, mode: int = 0o644) -> Path:
    """A file with the directories it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def rewrite_unseen(path: Path, content: bytes) -> None:
    """Other content in the same file, with the old modification time put back."""
    times = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def replace_unseen(path: Path, content: bytes) -> None:
    """Another file renamed over the first, mode and modification time alike."""
    times = path.stat()
    other = path.with_name(".other")
    other.write_bytes(content)
    other.chmod(times.st_mode & 0o7777)
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(path)


def keys(observation: Observation) -> List[str]:
    """Keys of all items, sorted."""
    items: Mapping[str, object] = observation.items
    return sorted(items)
