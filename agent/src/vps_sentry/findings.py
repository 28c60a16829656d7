# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about the agent's own footing: no baseline, a lost one, damaged state, undelivered messages. Pure."""

from __future__ import annotations

from typing import Iterator, Mapping, Sequence, Tuple

from .baseline import Baseline
from .core import digest
from .core.clock import rfc3339
from .core.model import Change, Code, Observation, Rating
from .judge import Finding
from .tick import heartbeat

STATE_DAMAGE_SHOWN = 24 * 3600
BUSY_IN_A_ROW = 3
CRITICAL_SHOWN = 5
OVERDUE_SECONDS = heartbeat.OVERDUE
CODES = {
    "no_baseline": Code(
        about="Nothing is accepted on this host yet, so no change can be seen.",
        technique="",
        action="See what would be trusted with: vps-sentry --accept-baseline --dry-run; then accept it.",
        event=True,
    ),
    "check_unaccepted": Code(
        about="A check looks that the accepted baseline knows nothing of: a release brought it, or it could not look "
        "when the baseline was accepted. What it sees is not compared until somebody accepts it.",
        technique="",
        action="See what it would trust with: vps-sentry --accept-baseline --only CHECK --dry-run; then accept it.",
        event=True,
    ),
    "newly_watched": Code(
        about="A release or the configuration watches more places than when the baseline was accepted. What lies there "
        "is not compared until somebody accepts it.",
        technique="",
        action="See what it would trust with: vps-sentry --accept-baseline --only CHECK --dry-run; then accept it.",
        event=True,
    ),
    "baseline_lost": Code(
        about="The accepted baseline is gone or damaged although there was one. Whoever planted something would want "
        "it forgotten, so nothing is learnt again by itself.",
        technique="T1562.001",
        action="Copy history/NNNNNNNN.baseline.json of the last number to baseline.json, or review and accept anew.",
        event=True,
    ),
    "state_damaged": Code(
        about="A file of the agent's own state was damaged and begun anew; a power cut does that, or an editor.",
        technique="",
        action="Look at it under damaged/ in the state directory if there was no power cut.",
        event=True,
    ),
    "config_invalid": Code(
        about="The configuration cannot be used. The last good one stays in force, so a typing error stops nothing.",
        technique="T1562.001",
        action="Correct it; vps-sentry check-config says where.",
        event=True,
    ),
    "busy": Code(
        about="Several scheduled runs in a row found another process holding the state directory, so nobody looked.",
        technique="T1562.001",
        action="End the process that holds it; status and the unit's log name it.",
        event=True,
    ),
    "run_killed": Code(
        about="The run before this one never ended: time or memory ran out, somebody killed it, or it met a defect.",
        technique="T1562.001",
        action="journalctl -u vps-sentry says how it ended; look anew with: sudo vps-sentry --full.",
        event=True,
    ),
    "run_overdue": Code(
        about="Nobody looked at this host for a while although it was up: the timer was stopped, or runs were killed.",
        technique="T1562.001",
        action="systemctl status vps-sentry.timer and journalctl -u vps-sentry say why; look anew: sudo vps-sentry.",
        event=True,
    ),
    "ship_stuck": Code(
        about="A message has waited for over an hour: whoever should be told is not. Nothing is dropped meanwhile.",
        technique="T1562.006",
        action="journalctl -u vps-sentry-ship says why; try the way with: vps-sentry-selftest --with-network.",
        event=True,
    ),
    "messages_dropped": Code(
        about="So many messages waited that the oldest of the least severe were dropped unsent. Acceptances and "
        "criticals never are.",
        technique="T1562.006",
        action="Mend the way out (vps-sentry-selftest --with-network); what stands open is in vps-sentry status.",
        event=True,
    ),
    "check_failed": Code(
        about="A check that worked before cannot look any more. What it watched may change unseen meanwhile.",
        technique="T1562.001",
        action="Mend what its reason names.",
        event=True,
    ),
    "selftest": Code(
        about="A message marked TEST, made by vps-sentry-selftest --with-network.",
        technique="",
        action="Nothing.",
        event=True,
    ),
}
"""The codes that belong to no check."""


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


def about_unaccepted(name: str, ratings: Sequence[Tuple[Change, Rating]]) -> Finding:
    """``check_unaccepted``: one alert for a check that is not in the baseline, not one for each of its items."""
    return Finding(
        code="check_unaccepted",
        severity="warning",
        check=name,
        key=name,
        title=f"the check {name} is not part of the accepted baseline: nothing it sees is compared",
        detail=_unaccepted(name, ratings),
    )


def about_begun(name: str, ratings: Sequence[Tuple[Change, Rating]]) -> Finding:
    """``newly_watched``: one alert for all that a check sees only since it watches more."""
    return Finding(
        code="newly_watched",
        severity="warning",
        check=name,
        key=name,
        title=f"{len(ratings):,} items of {name} lie in places that were not watched when the baseline was accepted",
        detail=_unaccepted(name, ratings),
        content=digest.digest([[change.key, change.after] for change, _ in ratings]),
    )


def _unaccepted(name: str, ratings: Sequence[Tuple[Change, Rating]]) -> str:
    critical = [change.key for change, rating in ratings if rating.severity == "critical"]
    more = len(critical) - CRITICAL_SHOWN
    rest = f" and {more} more" if more > 0 else ""
    worst = f", {len(critical)} of a critical class: {', '.join(critical[:CRITICAL_SHOWN])}{rest}" if critical else ""
    return (
        f"accepting would trust {len(ratings):,} items{worst}; look with: "
        f"vps-sentry --accept-baseline --only {name} --dry-run"
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


def about_unfinished(began: int, *, now: int, uptime: int) -> Iterator[Finding]:
    """``run_killed``: the run that ``began`` then never ended; 0 when it did. ``info`` when the host ended with it."""
    if began:
        rebooted = began < now - uptime
        yield Finding(
            code="run_killed",
            severity="info" if rebooted else "warning",
            check="state",
            key="run",
            title="the run before this one ended with the host" if rebooted else "the run before this one did not end",
            detail=f"it began at {rfc3339(began)} and left no report; nothing it saw is lost, this run looked again",
            until=now + STATE_DAMAGE_SHOWN,
        )


def about_gap(last: Tuple[int, int], *, now: int, uptime: int) -> Iterator[Finding]:
    """``run_overdue``: the host was up and no run ended for ``OVERDUE_SECONDS`` or more.

    ``last``: seconds since the epoch and since boot at the last run, each 0 where it is not known. Who stops the timer
    can set the clock back as well, but not the time since boot.
    """
    ended, up = last
    silent = now - ended if ended and now - ended < uptime else 0
    counted = uptime - up if 0 < up <= uptime else 0
    if max(silent, counted) >= OVERDUE_SECONDS:
        back = counted - (now - ended) >= OVERDUE_SECONDS
        clock = "; the clock was set back meanwhile" if back else ""
        yield Finding(
            code="run_overdue",
            severity="warning",
            check="state",
            key="timer",
            title=f"nobody looked at this host for {max(silent, counted) // 60} minutes",
            detail=f"the last run ended at {rfc3339(ended)}; what came and went in between was not seen{clock}",
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


def about_loss(dropped: int, *, now: int) -> Iterator[Finding]:
    """``messages_dropped``: the outbox outgrew its caps."""
    if dropped:
        yield Finding(
            code="messages_dropped",
            severity="warning",
            check="ship",
            key="dropped",
            title=f"{dropped:,} messages were dropped unsent",
            detail="the outbox was full; acceptances and criticals are never dropped, and what stands is in status",
            until=now + STATE_DAMAGE_SHOWN,
        )
