# SPDX-License-Identifier: GPL-3.0-or-later
"""What a whole log comes to: events, who failed how often, who got in; in memory that no log can exhaust."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Optional, Tuple

from .addresses import network
from .messages import Event

NAMES = 2_000
LOGINS = 1_000
_NAME = 64
Who = Tuple[str, str, str, str, bool]
"""User, address, method, key and whether the source proves that sshd wrote it; empty where unknown."""


class Tally:
    """Counts by name. Exact until more than twice ``NAMES`` came; then the rarest are only counted together."""

    def __init__(self) -> None:
        self._counts: Dict[str, int] = {}
        self.forgotten = 0
        """Counts of names no longer known; a name that came back begins anew."""

    def add(self, name: str, count: int) -> None:
        """Count ``name``, of which the first 64 characters count, so often."""
        counts = self._counts
        name = name[:_NAME]
        if name in counts:
            counts[name] += count
            return
        counts[name] = count
        if len(counts) > 2 * NAMES:
            self._forget()

    def _forget(self) -> None:
        """Keep those that came more often than the rest, at most half."""
        counts = self._counts
        # Sorting numbers alone is several times as fast as sorting names by them.
        often = sorted(counts.values())[-NAMES]
        self._counts = {name: count for name, count in counts.items() if count > often}
        self.forgotten += sum(counts.values()) - sum(self._counts.values())

    def highest(self, most: int) -> List[Tuple[str, int]]:
        """The names with the highest counts, highest first, equal ones by name."""
        return sorted(self._counts.items(), key=lambda entry: (-entry[1], entry[0]))[:most]

    def total(self) -> int:
        """Everything ever counted."""
        return self.forgotten + sum(self._counts.values())


@dataclass
class Logins:
    """Completed logins of one kind: the time of the first and the last as logged, and how many."""

    first: str
    last: str
    count: int = 0


@dataclass
class Summary:
    """A log's sum. ``unrecognised`` lines are sshd's by name, but say nothing known; ``overlong`` are over 64 KiB."""

    lines: int = 0
    unrecognised: int = 0
    overlong: int = 0
    events: Dict[str, int] = field(default_factory=dict)
    """Lines by event."""
    attempts: int = 0
    users: Tally = field(default_factory=Tally)
    """Failed attempts by user name."""
    networks: Tally = field(default_factory=Tally)
    """Failed attempts by network of the client."""
    logins: Dict[Who, Logins] = field(default_factory=dict)
    more_logins: int = 0
    """Logins of kinds beyond the first thousand."""

    @property
    def recognised(self) -> int:
        """Lines of sshd that say something known."""
        return sum(self.events.values())

    def add(self, event: Event, count: int = 1) -> None:
        """``count`` lines that say the same, but for the address."""
        self.events[event.event] = self.events.get(event.event, 0) + count
        if event.attempts:
            self.attempts += event.attempts * count
            if event.user is not None:
                self.users.add(event.user, event.attempts * count)

    def add_place(self, address: Optional[str], attempts: int) -> None:
        """Failed attempts from an address."""
        if attempts and address is not None:
            self.networks.add(network(address), attempts)

    def add_login(self, event: Event, time: str, *, trusted: bool) -> Optional[Logins]:
        """One completed login at ``time`` (as ``lines.split`` gives it); its kind, None beyond the first thousand."""
        self.add(event)
        who: Who = (event.user or "", event.address or "", event.method or "", event.key or "", trusted)
        found: Optional[Logins] = self.logins.get(who)
        if found is None:
            if len(self.logins) == LOGINS:
                self.more_logins += 1
                return None
            found = self.logins[who] = Logins(time, time)
        found.last = time
        found.count += 1
        return found
