# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of an acceptance for a time: its items are again what was accepted before, as a baseline of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Optional

from . import baseline as baseline_room
from .accept import Outcome, Proposal
from .baseline import Baseline
from .core.clock import epoch, rfc3339
from .core.model import Change, ChangeKind, Value
from .core.plan import SCHEMA, Plan, apply, item_of


def expire(baseline: Baseline, *, now: int) -> Optional[Outcome]:
    """What becomes of ``baseline`` now that some of it has expired; None when nothing has. Pure."""
    over = [entry for entry in baseline.temporary if epoch(entry.until) <= now]
    if baseline.status != "accepted" or not over:
        return None
    found: List[Change] = []
    for entry in over:
        for check, key, before, after in entry.items:
            # Whatever was accepted since on the same item holds.
            if baseline.checks.get(check, {}).get(key) == after:
                found.append(Change(_kind(after, before), check, key, after, before))
    plan = Plan(
        schema=SCHEMA,
        machine_id=baseline.machine_id,
        sequence=baseline.sequence,
        expires=None,
        items=tuple(item_of(change) for change in found),
        not_checked=(),
    )
    checks = apply(baseline.checks, found)
    numbers = ", ".join(f"#{entry.sequence} by {entry.by}" for entry in over)
    reasons = "; ".join(entry.reason for entry in over if entry.reason)
    restored = replace(
        baseline,
        sequence=baseline.sequence + 1,
        digest=baseline_room.digest_of(checks),
        accepted_at=rfc3339(now),
        accepted_by="vps-sentry",
        reason=f"end of {numbers}{': ' if reasons else ''}{reasons}",
        checks=checks,
        temporary=tuple(entry for entry in baseline.temporary if entry not in over),
    )
    return Outcome("expired", Proposal(plan, tuple(found)), restored)


def _kind(before: Optional[Value], after: Optional[Value]) -> ChangeKind:
    if before is None:
        return "added"
    return "removed" if after is None else "changed"
