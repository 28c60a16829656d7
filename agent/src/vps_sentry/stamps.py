# SPDX-License-Identifier: GPL-3.0-or-later
"""The typed side of the quiet path: which checks moved, and what the next tick must find unmoved."""

from __future__ import annotations

from typing import Dict, FrozenSet, Mapping, NamedTuple, Optional, Tuple

from .checks import Stamp
from .core.model import Observation
from .errors import SentryError, StoreError
from .memory import Memory
from .setup import Setup
from .store import Store
from .tick import listing, record, take

FOOTING = "footing"
"""The name, no check's, under which the agent's own files are stamped."""
QUIET = b""
"""What a stamp whose arguments come from a check's memory (a cursor) answers while nothing moved."""
_COSTLY = ("rehash", "sweep")
"""Asked last: where anything else moved, what they cost is saved."""
_MEMORY = ("baseline.json", "alerts.json", "cursors.json", "logins.json")
"""State files that a run starts from; the stamps of the checks were made of them."""
_HANDED_OVER = ("acks", "outbox")
Place = Tuple[str, Stamp]
"""A check, or ``FOOTING``, and one of its stamps."""


class NextTick(NamedTuple):
    """When the next full run is due at the latest (seconds since the epoch), and what a quiet tick returns."""

    due: int
    code: int


class Stamps(NamedTuple):
    """The stamps as they stood before the checks looked, so that nothing can move unseen in between."""

    values: Mapping[Place, bytes] = {}
    moved: FrozenSet[str] = frozenset()
    bypassed: bool = False

    @classmethod
    def take(cls, setup: Setup, before: Memory) -> Stamps:
        """Take every stamp now and say which checks must look again.

        While what stamps are made of stands still, a check of which none moved is not even imported.
        """
        due, stored = _stored(setup.store)
        values = {place: _value(place[1], setup.taken) for place in stored}
        moved = {name for name, stamp in stored if values[name, stamp] != stored[name, stamp]}
        everything = not _stands(setup, stored, values)
        # A full run although nothing moved: the stamps are not believed this time, or something is due.
        idle = not everything and not moved - {FOOTING} and (not moved or due <= setup.now)
        bypassed = setup.bypass or idle
        names = set(setup.checks) if everything or bypassed else moved - {FOOTING}
        wanted = [(FOOTING, _watched(setup))]
        for name in set(setup.checks) if not setup.scheduled else names:
            stamps = stamps_of(setup, name, memory=before.checks.get(name, {}))
            wanted += [(name, stamp) for stamp in stamps or ()]
        values.update({place: _value(place[1], setup.taken) for place in wanted if place not in values})
        taken = {place: value for place, value in values.items() if value is not None}
        return cls(taken, frozenset(names), bypassed)

    def write(
        self, setup: Setup, before: Memory, *, observations: Mapping[str, Observation], next_tick: NextTick
    ) -> None:
        """Leave ``stamps/tick`` for the next tick. ``observations`` are those of this run; what did not look stands.

        A check that failed leaves no stamps at all, so that it is tried again.
        """
        entries = {(FOOTING, _watched(setup)): self.values.get((FOOTING, _watched(setup)), QUIET)}
        for files in (_MEMORY, _HANDED_OVER):
            state = _state(setup, files)
            entries[FOOTING, state] = _value(state, {}) or b""
        for name, observation in observations.items():
            memory = before.checks.get(name, {}) if observation.memory is None else observation.memory
            stamps = stamps_of(setup, name, memory=memory)
            if observation.status == "failed" or stamps is None:
                setup.store.remove(record.FILE)
                return
            entries.update({(name, stamp): self.values.get((name, stamp), QUIET) for stamp in stamps})
        standing = set(setup.checks) - set(observations)
        entries.update({place: value for place, value in self.values.items() if place[0] in standing})
        flat = tuple((name, kind, arguments, value) for (name, (kind, arguments)), value in entries.items())
        flat = tuple(sorted(flat, key=lambda entry: entry[1] in _COSTLY))
        setup.store.write(record.FILE, record.dumps(next_tick.due, next_tick.code, stamps=flat))
        for _, kind, arguments, _ in flat:
            if kind == "listing":
                listing.keep(*arguments)


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


def footing_stands(store: Store, watched: Tuple[str, ...], *, taken: Mapping[Stamp, bytes]) -> bool:
    """Whether the watched files are as the last full run left them. Without any stamp taken nothing is believed."""
    place = (FOOTING, ("stat", watched))
    stored = _stored(store)[1]
    return bool(taken) and place in stored and _value(place[1], taken) == stored[place]


def _stands(setup: Setup, stored: Mapping[Place, bytes], values: Mapping[Place, Optional[bytes]]) -> bool:
    places = [(FOOTING, _watched(setup)), (FOOTING, _state(setup, _MEMORY))]
    return all(place in stored and values[place] == stored[place] for place in places)


def _watched(setup: Setup) -> Stamp:
    return "stat", setup.watched_files


def _state(setup: Setup, files: Tuple[str, ...]) -> Stamp:
    return "stat", tuple(str(setup.store.path / name) for name in files)


def _stored(store: Store) -> Tuple[int, Dict[Place, bytes]]:
    """When a full run was due at the latest, and every stamp; nothing where they are lost."""
    try:
        data = store.read(record.FILE)
        if data is None:
            return 0, {}
        due, _, stamps = record.loads(data)
    except (StoreError, ValueError, EOFError, TypeError):
        return 0, {}
    return due, {(name, (kind, arguments)): expected for name, kind, arguments, expected in stamps}


def _value(stamp: Stamp, taken: Mapping[Stamp, bytes]) -> Optional[bytes]:
    try:
        return taken[stamp] if stamp in taken else take(*stamp)
    except (OSError, ValueError, TypeError, ImportError, AttributeError, LookupError):
        return None
