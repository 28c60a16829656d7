# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at the host: every check, or those whose stamp moved, the others from the disk."""

from __future__ import annotations

from functools import partial
from typing import Dict, FrozenSet, Iterable, Mapping, NamedTuple, Tuple

from . import observations
from .checks import AFTER, Context
from .config import effective
from .core.diff import diff
from .core.model import Observation, Value, Voucher
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

    @property
    def vouchers(self) -> Tuple[Voucher, ...]:
        """What any check says of changes."""
        return tuple(voucher for seen in self.checks.values() if seen.status == "ok" for voucher in seen.vouchers)


def look(setup: Setup, before: Memory, *, everything: bool) -> Looked:
    """Observe. Only a scheduled run may leave a check out, and only when its last observation is still there."""
    stamps = Stamps.take(setup, before)
    moved = set(setup.checks) if everything or not setup.scheduled else set(stamps.moved)
    stored = {name: observations.load(setup.store, name) for name in setup.checks if name not in moved}
    moved |= {name for name, observation in stored.items() if observation is None}
    moved |= {name for name in setup.checks if moved.intersection(AFTER.get(name, ()))}
    kept = {name: observation for name, observation in stored.items() if observation and name not in moved}
    last = moved.intersection(AFTER)
    first = _observe(setup, before, moved - last, seen={})
    seen = {**kept, **first.checks}
    then = _observe(setup, before, last, seen=seen)
    return Looked(before, Observed({**seen, **then.checks}, {**first.cost, **then.cost}), stamps, _starting(setup))


def _starting(setup: Setup) -> Dict[str, FrozenSet[str]]:
    """Read before this run's observations replace those of the run before."""
    if setup.uptime >= BOOT_SECONDS:
        return {}
    settling = [name for name, check in setup.checks.items() if check.settles_after_boot]
    last = {name: observations.load(setup.store, name) for name in settling}
    return {name: frozenset(seen.items) for name, seen in last.items() if seen is not None}


def _observe(setup: Setup, before: Memory, names: Iterable[str], *, seen: Mapping[str, Observation]) -> Observed:
    wanted = {name: setup.checks[name] for name in names}
    return observe(wanted, {name: _context(setup, before, name, seen=seen) for name in wanted})


def _context(setup: Setup, before: Memory, name: str, *, seen: Mapping[str, Observation]) -> Context:
    others = {other: seen[other] for other in AFTER.get(name, ()) if other in seen}
    accepted = before.baseline.checks
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
        changes=tuple(change for change in diff(accepted, others) if change.check in accepted),
        stands=partial(_stands, accepted, others),
    )


def _stands(
    accepted: Mapping[str, Mapping[str, Value]], others: Mapping[str, Observation], check: str, key: str
) -> bool:
    value = accepted.get(check, {}).get(key)
    return value is not None and check in others and others[check].items.get(key) == value
