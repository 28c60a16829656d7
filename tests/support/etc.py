# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk with account files, looked at by one check before and after something is done to it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Tuple

from vps_sentry.checks import Check, Context
from vps_sentry.core.diff import diff_items
from vps_sentry.core.model import Observation, Value
from vps_sentry.host import Host
from vps_sentry.tick import take

PASSWD = """\
root:x:0:0:root:/root:/bin/bash
games:x:5:60:games:/usr/games:/usr/sbin/nologin
deploy:x:1000:1000::/home/deploy:/bin/bash
"""
GROUP = "root:x:0:\nsudo:x:27:\nadm:x:4:\ngames:x:60:\nusers:x:100:\ndeploy:x:1000:\n"
HASH = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"
SHADOW = f"root:*:19000:0:99999:7:::\ngames:*:19000:0:99999:7:::\ndeploy:{HASH}:19000:0:99999:7:::\n"
Said = Tuple[str, str, str]
"""Code, severity and title."""


@dataclass
class Etc:
    """A disk below ``root`` and one check."""

    root: Path
    check: Check
    accepted: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in ("bin", "usr/sbin", "etc", "root", "home/deploy"):
            (self.root / path).mkdir(parents=True, exist_ok=True)
        for path, text in (("etc/passwd", PASSWD), ("etc/group", GROUP), ("etc/shadow", SHADOW)):
            self.write(path, text)
        self.write("etc/shells", "# known shells\n/bin/sh\n/bin/bash\n")
        for path, text in (("bin/bash", "this is bash"), ("bin/sh", "this is sh"), ("usr/sbin/nologin", "go away")):
            self.write(path, text, mode=0o755)
        (self.root / "etc/shadow").chmod(0o640)

    @property
    def host(self) -> Host:
        return Host(root=str(self.root))

    def write(self, path: str, text: str, *, mode: int = 0o644) -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(os.fsencode(text))
        place.chmod(mode)
        return place

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace text in place, which must be there."""
        place = self.root / path
        data = place.read_bytes()
        assert os.fsencode(old) in data
        place.write_bytes(data.replace(os.fsencode(old), os.fsencode(new)))

    def append(self, path: str, text: str) -> None:
        with (self.root / path).open("ab") as handle:
            handle.write(os.fsencode(text))

    def look(self, memory: Mapping[str, Any] = {}, **more: Any) -> Observation:
        """One collect that knows ``memory`` and the accepted items."""
        context = Context(self.host, self.check.options(), 1_800_000_000, memory, baseline=self.accepted)
        return self.check.collect(replace(context, **more))

    def quiet(self, seen: Observation) -> Callable[[], Tuple[bytes, ...]]:
        """The quiet path as a run that saw ``seen`` leaves it."""
        stamps = self.check.stamps(self.check.options(), self.host, seen.memory or {})
        return lambda: tuple(take(*stamp) for stamp in stamps)

    def tell(self, before: Observation, after: Observation) -> List[Said]:
        """What a person is told, worst first and then by title."""
        found = diff_items(self.check.name, before=before.items, after=after.items)
        ratings = [self.check.rate(change, self.check.options()) for change in found]
        order = {"critical": 0, "warning": 1, "info": 2}
        return sorted(((r.code, r.severity, r.title) for r in ratings), key=lambda said: (order[said[1]], said[2]))

    def do(self, act: Callable[[Etc], object]) -> List[Said]:
        """Accept what is there, act, look again: what is told. The stamp must have moved."""
        before = self.look()
        self.accepted = before.items
        quiet = self.quiet(before)
        stamp = quiet()
        assert stamp == quiet()
        act(self)
        assert quiet() != stamp, "the quiet path did not notice"
        return self.tell(before, self.look(before.memory or {}))


def items(observation: Observation) -> Dict[str, Value]:
    return dict(observation.items)
