# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at the host: every check, or those whose stamp moved, the others from the disk."""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterable, Mapping, NamedTuple

from . import observations
from .checks import Context
from .config import effective
from .core.model import Observation
from .memory import Memory
from .observe import Observed, observe
from .setup import Setup
from .stamps import Stamps

BOOT_SECONDS = 600
"""So long after a boot services may still be starting."""


class Looked(NamedTuple):
    """What a run has in hand once it has looked."""

    before: Memory
    observed: Observed
    stamps: Stamps
    starting: Mapping[str, FrozenSet[str]] = {}
    """Just after a boot: check -> keys its last observation held, for checks whose services may still be starting."""

    @property
    def checks(self) -> Mapping[str, Observation]:
        """The observation of every check."""
        return self.observed.checks


def look(setup: Setup, before: Memory, *, everything: bool) -> Looked:
    """Observe. Only a scheduled run may leave a check out, and only when its last observation is still there."""
    stamps = Stamps.take(setup, before)
    moved = set(setup.checks) if everything or not setup.scheduled else set(stamps.moved)
    stored = {name: observations.load(setup.store, name) for name in setup.checks if name not in moved}
    kept = {name: observation for name, observation in stored.items() if observation is not None}
    fresh = _observe(setup, before, set(setup.checks) - set(kept))
    return Looked(before, Observed({**kept, **fresh.checks}, fresh.cost), stamps, _starting(setup))


def _starting(setup: Setup) -> Dict[str, FrozenSet[str]]:
    """Read before this run's observations replace those of the run before."""
    if setup.uptime >= BOOT_SECONDS:
        return {}
    settling = [name for name, check in setup.checks.items() if check.settles_after_boot]
    last = {name: observations.load(setup.store, name) for name in settling}
    return {name: frozenset(seen.items) for name, seen in last.items() if seen is not None}


def _observe(setup: Setup, before: Memory, names: Iterable[str]) -> Observed:
    wanted = {name: setup.checks[name] for name in names}
    return observe(wanted, {name: _context(setup, before, name) for name in wanted})


def _context(setup: Setup, before: Memory, name: str) -> Context:
    return Context(
        host=setup.host,
        options=setup.config.checks[name],
        now=setup.now,
        memory=before.checks.get(name, {}),
        cache=lambda: setup.store.glance(observations.cache_name(name)),
        full=setup.full,
        effective=lambda: effective(setup.config),
        accepted=before.baseline.status != "none",
        baseline=before.baseline.checks.get(name, {}),
        noted=before.noted,
        run=before.run + 1,
        uptime=setup.uptime,
        state=str(setup.store.path),
    )
