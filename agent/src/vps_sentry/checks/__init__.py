# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check is, and how the checks are found: one file in this folder, one ``CHECK`` in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, FrozenSet, Mapping, Optional, Tuple

from ..core.model import Change, Code, Observation, Rating, Value
from ..host import Host
from ..parts import Parts

Stamp = Tuple[str, Tuple[Any, ...]]
"""What the quiet path looks at instead of collecting: the name of a stamp kind in ``tick`` and its arguments."""


AFTER: Mapping[str, Tuple[str, ...]] = {"packages": ("cron", "files", "units")}
"""Check -> those it has something to say of: it looks again whenever one of them does, and after them.

Here and not in the check's own file, because a tick must know it without importing any.
"""


@dataclass(frozen=True)
class Context:
    """All a check may know besides the machine itself."""

    host: Host
    options: Any
    """An instance of the check's own options class."""
    now: int
    """Seconds since the epoch at the start of the run."""
    memory: Mapping[str, Any]
    """What this check left in ``Observation.memory`` last time; empty at first."""
    cache: Callable[[], bytes] = bytes
    """Reads what this check left in ``Observation.cache`` last time, which may be large; empty at first."""
    full: bool = False
    """``--full``: look at everything again, whatever the cache says."""
    effective: Callable[[], Mapping[str, Any]] = dict
    """The whole configuration as it acts, secrets as digests; to say it every check is imported."""
    accepted: bool = False
    """Whether a baseline was accepted before: whatever a check meets from then on is not learnt silently."""
    baseline: Mapping[str, Value] = field(default_factory=dict)
    """The accepted items of this check."""
    noted: FrozenSet[str] = frozenset()
    """What the last tick, if it was quiet, noted for this run (``tick.NOTED``)."""
    run: int = 1
    """Number of this run; each run that ends, quiet or not, has the next."""
    uptime: int = 0
    """Seconds since boot, suspension left out."""
    state: str = ""
    """The state directory, for a stamp that reads ``cache`` piece by piece; checks themselves keep out of it."""
    changes: Tuple[Change, ...] = ()
    """How the checks it looks after (``AFTER``) differ from the baseline in this run."""
    stands: Callable[[str, str], bool] = lambda check, key: False
    """Whether the item ``key`` of such a check is there and exactly as accepted."""


@dataclass(frozen=True)
class Check:
    """One kind of observation. A failing ``collect`` may raise CollectError or return a failed Observation."""

    name: str
    about: str
    options: type
    """Frozen dataclass of the check's configuration; every field has a default, ``enabled`` is one of them."""
    columns: Mapping[str, str]
    """A sentence for each field of an item's value."""
    collect: Callable[[Context], Observation]
    rate: Callable[[Change, Any], Rating]
    """Pure: change and options -> code, severity and title."""
    stamps: Callable[[Any, Host, Mapping[str, Any]], Tuple[Stamp, ...]]
    """Options, host and the check's memory -> what must be unmoved for the last observation to stand."""
    validate: Optional[Callable[[Any], None]] = None
    """Raises ValueError naming the option that cannot be used."""
    example: Optional[Any] = None
    """Options that change nothing and show what is built in; ``config example`` prints them instead of the defaults."""
    live: bool = False
    """Looks at the running system; skipped under ``--root``."""
    learn: Optional[Callable[[Mapping[str, Any], Tuple[str, ...], int], Dict[str, Any]]] = None
    """Memory, accepted ``learnable`` keys and time -> memory in which they are known."""
    settles_after_boot: bool = False
    """Services start one after the other: just after a boot, what is missing counts once two looks missed it."""
    sight: Tuple[str, ...] = ()
    """The kinds of things it can see, for people, where others of the same sort exist that it cannot."""
    codes: Mapping[str, Code] = field(default_factory=dict)
    """Every alert code it gives, explained."""


def discover() -> Mapping[str, Check]:
    """All checks by name, in name order; a check is called like its file, and imported when it is asked for."""
    return Parts(__name__, __path__[0], load=_check)


def _check(module: Any) -> Check:
    found: Check = module.CHECK
    return found
