# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of a plan, host by host, as text and as JSON. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any, Dict, Iterable, Iterator, List, Tuple

from ..limits import show
from . import log
from .ledger import Row, State

SCHEMA = 1
_ORDER: Tuple[State, ...] = ("active", "accepted", "pending", "stale", "refused", "expired", "withdrawn")
_MEANS = {
    "active": "its bundle shows the baseline that was planned",
    "accepted": "the host says so; its next bundle has to show it",
    "pending": "not reached; asked again at each collect until the plan expires",
    "stale": "it moved since it was reviewed; its alerts stand, make a new plan",
    "refused": "it did not obey; see why",
    "expired": "not reached in time; make a new plan",
    "withdrawn": "taken back before it was handed over",
}


def exit_code(rows: Iterable[Row]) -> int:
    """As docs/contracts.md section 11: 3 a host refused, 4 some are not done yet or have to be planned anew, else 0."""
    states = {row.state for row in rows}
    if "refused" in states:
        return 3
    return 4 if states & {"pending", "accepted", "stale", "expired"} else 0


def recap(plan_id: str, rows: List[Row], *, head: str, left: Iterable[Tuple[str, str]] = (), kind: str = "plan") -> str:
    """The lines that end each application of a plan; every state is named, those without a host too.

    ``head`` is that of the audit log, ``kind`` what ``plan_id`` names.
    """
    counts = Counter(row.state for row in rows)
    told = "  ".join(f"{state} {counts[state]}" for state in _ORDER[:5])
    more = "".join(f"  {state} {counts[state]}" for state in _ORDER[5:] if counts[state])
    lines = [f"{kind} {plan_id}: {told}{more}"]
    for state in _ORDER[1:]:
        lines += _hosts(state, [row for row in rows if row.state == state])
    lines += [f"  not asked: {show(name)}: {show(reason, limit=300)}" for name, reason in left]
    return "\n".join([*lines, log.told(head), ""])


def _hosts(state: State, rows: List[Row]) -> Iterator[str]:
    if rows:
        yield f"  {state} ({_MEANS[state]})"
    yield from (f"    {show(row.host)}: {show(row.reason, limit=400)}" for row in rows)


def to_json(plan_id: str, rows: List[Row], *, head: str, left: Iterable[Tuple[str, str]] = ()) -> Dict[str, Any]:
    """The same for programs."""
    return {
        "schema": SCHEMA,
        "plan_id": plan_id,
        "exit_code": exit_code(rows),
        "audit_head": head,
        "hosts": [asdict(row) for row in rows],
        "not_asked": [{"host": name, "reason": reason} for name, reason in left],
    }
