# SPDX-License-Identifier: GPL-3.0-or-later
"""A root of its own below a folder, looked at with one check and with the stamps of the quiet path."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Tuple

from vps_sentry.checks import Check, Context
from vps_sentry.core.diff import diff_items
from vps_sentry.core.model import Observation, Value
from vps_sentry.host import Host
from vps_sentry.tick import take

PASSWD = b"root:x:0:0::/root:/bin/bash\ndaemon:x:1:1::/usr/sbin:/usr/sbin/nologin\nann:x:1000:1000::/home/ann:/bin/sh\n"
Told = Tuple[str, str, str, str]
"""Key, code, severity and title."""
NOTHING = Observation("ok")


@dataclass
class Booth:
    """What ``check`` sees below ``root``."""

    root: Path
    check: Check
    options: Any = None
    files: Dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.options = self.options or self.check.options()
        self.write("/etc/passwd", PASSWD.decode())
        for path, text in self.files.items():
            self.write(path, text)

    def at(self, path: str) -> Path:
        """Where a path of that root lies."""
        return self.root / path.lstrip("/")

    def write(self, path: str, text: str, *, mode: int = 0o644) -> Path:
        """A file with the directories it needs."""
        place = self.at(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode("utf-8", "surrogateescape"))
        place.chmod(mode)
        return place

    def link(self, path: str, target: str) -> None:
        """A link, in the place of whatever is there."""
        place = self.at(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(place):
            place.unlink()
        place.symlink_to(target)

    @property
    def host(self) -> Host:
        return Host(str(self.root))

    def look(self, before: Observation = NOTHING) -> Observation:
        """One look that knows what ``before`` left."""
        return self.check.collect(Context(self.host, self.options, 1_764_000_000, before.memory or {}))

    def quiet(self, seen: Observation) -> Callable[[], List[bytes]]:
        """The quiet path as a run that saw ``seen`` leaves it."""
        stamps = self.check.stamps(self.options, self.host, seen.memory or {})
        return lambda: [take(*stamp) for stamp in stamps]

    def told(self, before: Mapping[str, Value], after: Mapping[str, Value]) -> List[Told]:
        """What a person would be told of the difference, in key order."""
        found = diff_items(self.check.name, before=before, after=after)
        rated = [(change.key, self.check.rate(change, self.options)) for change in found]
        return [(key, rating.code, rating.severity, rating.title) for key, rating in rated]
