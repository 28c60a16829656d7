# SPDX-License-Identifier: GPL-3.0-or-later
"""The typed side of the quiet path: which checks moved, and what the next tick must find unmoved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, FrozenSet, Mapping, Optional, Tuple

from .checks import Stamp
from .core.model import Observation
from .errors import SentryError, StoreError
from .memory import Memory
from .setup import Setup
from .tick import record, take

Entry = Tuple[str, str, "Tuple[object, ...]", bytes]
FOOTING = "agent"
"""The name under which the agent's own files are stamped."""
QUIET = b""
"""What a stamp whose arguments come from a check's memory (a cursor) answers while nothing moved."""
_COSTLY = ("rehash",)
"""Asked last: where anything else moved, what they cost is saved."""
_STATE_FILES = ("baseline.json", "alerts.json", "cursors.json", "acks", "outbox")


@dataclass(frozen=True)
class NextTick:
    """When the next full run is due at the latest (seconds since the epoch), and what a quiet tick returns."""

    due: int
    code: int


@dataclass(frozen=True)
class Stamps:
    """The stamps as they stood before the checks looked, so that nothing can move unseen in between."""

    values: Mapping[Tuple[str, Stamp], bytes] = field(default_factory=dict)
    moved: FrozenSet[str] = frozenset()
    bypassed: bool = False

    @classmethod
    def take(cls, setup: Setup, before: Memory) -> Stamps:
        """Take every stamp now and say which checks must look again."""
        stored = _stored(setup)
        looking = {name: stamps_of(setup, name, memory=before.checks.get(name, {})) for name in setup.checks}
        wanted = [(name, stamp) for name, stamps in looking.items() for stamp in stamps or ()]
        footing = (FOOTING, _footing(setup))
        values = {place: _value(place[1], setup.taken) for place in [*wanted, footing]}
        moved = {name for name, stamp in wanted if values[name, stamp] is None}
        moved |= {name for name, stamp in wanted if values[name, stamp] != stored.get((name, stamp))}
        moved |= {name for name, stamps in looking.items() if stamps is None}
        if stored.get(footing) != values[footing]:
            moved = set(looking)
        # A full run although nothing moved: the stamps are not believed this time, or something is due.
        bypassed = setup.bypass or not moved
        idle = {name for name, stamps in looking.items() if stamps == ()}
        taken = {place: value for place, value in values.items() if value is not None}
        return cls(taken, frozenset(set(looking) if bypassed else moved | idle), bypassed)

    def write(
        self, setup: Setup, before: Memory, *, observations: Mapping[str, Observation], next_tick: NextTick
    ) -> None:
        """Leave ``stamps/tick`` for the next tick; a check that failed leaves none, so that it is tried again."""
        entries: Dict[Tuple[str, Stamp], bytes] = {}
        for name, observation in observations.items():
            memory = before.checks.get(name, {}) if observation.memory is None else observation.memory
            stamps = stamps_of(setup, name, memory=memory)
            if observation.status == "failed" or stamps is None:
                setup.store.remove(record.FILE)
                return
            entries.update({(name, stamp): self.values.get((name, stamp), QUIET) for stamp in stamps})
        entries[FOOTING, _footing(setup)] = self.values.get((FOOTING, _footing(setup)), QUIET)
        state = ("stat", tuple(str(setup.store.path / name) for name in _STATE_FILES))
        entries[FOOTING, state] = _value(state, {}) or b""
        flat = tuple((name, kind, arguments, value) for (name, (kind, arguments)), value in entries.items())
        flat = tuple(sorted(flat, key=lambda entry: entry[1] in _COSTLY))
        setup.store.write(record.FILE, record.dumps(next_tick.due, next_tick.code, stamps=flat))


def stamps_of(setup: Setup, name: str, *, memory: Mapping[str, object]) -> Optional[Tuple[Stamp, ...]]:
    """The stamps of a check, none where it does not look; None when it cannot say, so that it must look."""
    options = setup.config.checks[name]
    check = setup.checks[name]
    if not options.enabled or (check.live and not setup.host.live):
        return ()
    try:
        return check.stamps(options, setup.host, memory)
    except (SentryError, OSError, ImportError, LookupError, TypeError, ValueError):
        # Memory of another release, or a machine that lacks what the stamp is made of.
        return None


def _footing(setup: Setup) -> Stamp:
    return "stat", setup.watched_files


def _stored(setup: Setup) -> Dict[Tuple[str, Stamp], bytes]:
    try:
        data = setup.store.read(record.FILE)
        if data is None:
            return {}
        _, _, stamps = record.loads(data)
    except (StoreError, ValueError, EOFError, TypeError):
        return {}
    return {(name, (kind, arguments)): expected for name, kind, arguments, expected in stamps}


def _value(stamp: Stamp, taken: Mapping[Stamp, bytes]) -> Optional[bytes]:
    try:
        return taken[stamp] if stamp in taken else take(*stamp)
    except (OSError, ValueError, TypeError, ImportError, AttributeError, LookupError):
        return None
