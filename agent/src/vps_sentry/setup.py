# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run is given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Optional, Tuple

from .checks import Check, Stamp
from .config import Config
from .core.model import Change, Rating
from .host import Host
from .store import Store


@dataclass(frozen=True)
class Setup:
    """Everything a run is given; nothing below reads a clock, an environment or a path of its own."""

    host: Host
    store: Store
    config: Config
    checks: Mapping[str, Check]
    version: str
    now: int
    """Seconds since the epoch."""
    uptime: int = 0
    """Seconds since boot, suspension left out."""
    agent_digest: Optional[str] = None
    former: Optional[Config] = None
    """The configuration accepted last, where it tells other people than the one in force."""
    config_error: str = ""
    """Why the configuration on disk is not the one in force."""
    watched_files: Tuple[str, ...] = ()
    """Files whose movement must wake the next tick: configuration and release."""
    full: bool = False
    test: bool = False
    """A trial: what it has to say is marked as a test and withheld by the ship process."""
    bypass: bool = False
    """Whether no stamp is believed this time, even those of checks beside one that moved."""
    scheduled: bool = False
    """A timer run: collects only what moved since the last one."""
    taken: Mapping[Stamp, bytes] = field(default_factory=dict)
    """Stamps that the quiet path took a moment ago, before it found that something had moved."""

    def rate(self, change: Change) -> Rating:
        """How the change's own check, with its options, judges it."""
        return self.checks[change.check].rate(change, self.config.checks[change.check])
