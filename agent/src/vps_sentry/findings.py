# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about the agent's own footing: no baseline, a lost one, damaged state, undelivered messages. Pure."""

from __future__ import annotations

from typing import Iterator, Mapping

from .baseline import Baseline
from .core.model import Observation
from .judge import Finding

STATE_DAMAGE_SHOWN = 24 * 3600
BUSY_IN_A_ROW = 3


def about_baseline(baseline: Baseline, observations: Mapping[str, Observation]) -> Iterator[Finding]:
    """``no_baseline`` with what would be trusted, or ``baseline_lost``."""
    if baseline.status == "lost":
        yield Finding(
            code="baseline_lost",
            severity="critical",
            check="baseline",
            key="baseline",
            title=f"the accepted baseline #{baseline.sequence} is gone or damaged; nothing can be compared",
            detail=f"{baseline.problem}; restore the file, or review and accept anew: vps-sentry --accept-baseline",
        )
    if baseline.status == "none":
        seen = ", ".join(f"{len(o.items):,} items of {name}" for name, o in sorted(observations.items()) if o.items)
        yield Finding(
            code="no_baseline",
            severity="warning",
            check="baseline",
            key="baseline",
            title="nothing is accepted yet, so nothing can differ",
            detail=f"{baseline.problem or 'first run'}; accepting would trust {seen or 'nothing'}; "
            "look with: vps-sentry --accept-baseline --dry-run",
        )


def about_state(damaged: Mapping[str, str], *, now: int) -> Iterator[Finding]:
    """One finding per state file that was damaged and is set aside; it stands for a day."""
    for name, problem in damaged.items():
        yield Finding(
            code="state_damaged",
            severity="warning",
            check="state",
            key=name,
            title=f"{name} was damaged and has been set aside",
            detail=f"{problem}; it is kept under damaged/ in the state directory, and begun anew",
            until=now + STATE_DAMAGE_SHOWN,
        )


def about_configuration(error: str) -> Iterator[Finding]:
    """``config_invalid``: the run goes on with the last good configuration."""
    if error:
        yield Finding(
            code="config_invalid",
            severity="critical",
            check="configuration",
            key="configuration",
            title="the configuration cannot be used; the last good one is in force",
            detail=error,
        )


def about_busy(runs: int, *, now: int) -> Iterator[Finding]:
    """``busy``: so many scheduled runs in a row had to give way to another process."""
    if runs >= BUSY_IN_A_ROW:
        yield Finding(
            code="busy",
            severity="warning",
            check="state",
            key="lock",
            title=f"{runs} scheduled runs in a row could not look",
            detail="another process held the state directory all the time; look with: journalctl -u vps-sentry",
            until=now + STATE_DAMAGE_SHOWN,
        )


def about_deliveries(oldest: int, *, now: int, limit: int) -> Iterator[Finding]:
    """``ship_stuck``: a message has waited longer than ``limit`` seconds. ``oldest`` is 0 when none waits."""
    if oldest and now - oldest >= limit:
        yield Finding(
            code="ship_stuck",
            severity="warning",
            check="ship",
            key="outbox",
            title="messages are waiting to be shipped",
            detail="the oldest waits for over an hour; look with: journalctl -u vps-sentry-ship",
        )
