# SPDX-License-Identifier: GPL-3.0-or-later
"""All findings of one run against the alerts of the run before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Collection, Dict, Iterator, List, Optional, Tuple

from . import deliveries, explaining, findings, keeping
from .core.model import Change
from .judge import Finding, judge_signals, judge_status
from .lifecycle import Advance, Moment, advance
from .looking import Looked
from .setup import Setup

if TYPE_CHECKING:
    from .accept import Outcome


def reach(setup: Setup, looked: Looked, *, changes: Tuple[Change, ...], outcome: Optional[Outcome]) -> Advance:
    """The alerts after this run. ``outcome`` is the acceptance that was part of it, if there was one."""
    baseline = outcome.baseline if outcome else looked.before.baseline
    compared = [c for c in changes if c.check in baseline.checks and not _out_of_scope(c, looked)]
    found: List[Finding] = list(explaining.judge(compared, looked.vouchers, rate=setup.rate, notes=_notes(looked)))
    found += _about_unaccepted(setup, changes, accepted=baseline.checks)
    found += _about_begun(setup, changes, looked)
    found += _about_checks(looked)
    found += _about_footing(setup, looked, outcome)
    # Without a baseline nothing is compared, so nothing can be said to have gone back.
    blind = baseline.status != "accepted"
    moment = Moment(
        now=setup.now,
        remind_after=setup.config.remind_seconds,
        silent=frozenset(name for name, seen in looked.checks.items() if blind or seen.status != "ok"),
        accepted=outcome.accepted_keys() if outcome else {},
        acceptance=f"#{outcome.baseline.sequence} by {outcome.baseline.accepted_by}" if outcome else "",
        asked=frozenset(_asked(setup, looked)),
    )
    return advance(looked.before.records, found, moment=moment)


def _asked(setup: Setup, looked: Looked) -> Iterator[Tuple[str, str]]:
    """What this run's own looks would have said; a check whose last observation stands was asked nothing."""
    for name in looked.observed.cost:
        if looked.checks[name].status == "ok":
            yield from ((name, code) for code, meant in setup.checks[name].codes.items() if meant.lasts)


def _notes(looked: Looked) -> Dict[str, str]:
    """What a check that worked has to add: why nobody vouches for its packages, say."""
    return {name: seen.error for name, seen in looked.checks.items() if seen.status == "ok" and seen.error}


def _about_unaccepted(setup: Setup, changes: Tuple[Change, ...], *, accepted: Collection[str]) -> Iterator[Finding]:
    """A release that brings a check, or a check that could not look before, is one alert and no flood."""
    for name in sorted({change.check for change in changes} - set(accepted)):
        rated = [(change, setup.rate(change)) for change in changes if change.check == name]
        yield findings.about_unaccepted(name, rated)


def _out_of_scope(change: Change, looked: Looked) -> bool:
    """Whether what changed is the choice of what is watched; ``config_changed`` tells that, if a person made it."""
    seen = looked.checks[change.check]
    return change.key in (seen.unwatched if change.change == "removed" else seen.begun)


def _about_begun(setup: Setup, changes: Tuple[Change, ...], looked: Looked) -> Iterator[Finding]:
    """What a longer list of watches brings into sight is one alert and no flood."""
    for name, seen in looked.checks.items():
        rated = [(c, setup.rate(c)) for c in changes if seen.begun and c.check == name and c.key in seen.begun]
        if rated:
            yield findings.about_begun(name, rated)


def _about_checks(looked: Looked) -> Iterator[Finding]:
    alerted = {record.alert.key for record in looked.before.records if record.alert.code == "check_failed"}
    for name, observation in looked.checks.items():
        worked = looked.before.statuses.get(name) == "ok" or name in alerted
        yield from judge_status(name, observation, worked_before=worked)
        yield from judge_signals(name, observation.signals)


def _about_footing(setup: Setup, looked: Looked, outcome: Optional[Outcome]) -> Iterator[Finding]:
    baseline = outcome.baseline if outcome else looked.before.baseline
    yield from findings.about_baseline(baseline, looked.checks)
    yield from findings.about_state(looked.before.damaged, now=setup.now)
    yield from findings.about_configuration(setup.config_error)
    yield from findings.about_unfinished(looked.before.unfinished, now=setup.now, uptime=setup.uptime)
    if setup.scheduled:
        yield from findings.about_gap(
            (looked.before.last_run, looked.before.last_up), now=setup.now, uptime=setup.uptime
        )
    yield from findings.about_busy(setup.store.busy(), now=setup.now)
    yield from findings.about_loss(keeping.dropped(setup.store), now=setup.now)
    oldest = deliveries.oldest(setup.store)
    yield from findings.about_deliveries(oldest, now=setup.now, limit=deliveries.STUCK_SECONDS)
