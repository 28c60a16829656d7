# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is in the fleet: attempts to collect, what each host holds, and its last snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Literal, Optional

from . import schema
from ._libraries import sa

Outcome = Literal["collected", "unreachable", "failed"]
MAX_REASON = 400


@dataclass(frozen=True)
class HostRow:
    """One host as the store knows it. All but the first five fields are None before first contact."""

    name: str
    cohort: str
    outcome: Outcome
    reason: str
    missed: int
    """Attempts since the last bundle; 0 = the last one worked."""
    snapshot: Optional[int]
    norm: Optional[int]
    taken_at: Optional[str]
    collected_at: Optional[str]
    baseline: Optional[str]
    sequence: Optional[int]
    accepted: Optional[int]
    observed: Optional[int]
    criticals: Optional[int]
    warnings: Optional[int]


@dataclass(frozen=True)
class Problem:
    """A check that a host could not or did not do."""

    host: str
    check: str
    status: str
    error: str


def begin_attempt(connection: sa.Connection, name: str, *, cohort: str) -> None:
    """Note that ``name`` is being asked: whatever cuts the attempt off, the host counts as not reached."""
    table = schema.host
    found = connection.scalar(sa.select(table.c.id).where(table.c.name == name))
    told = {"cohort": cohort, "outcome": "unreachable", "reason": "the attempt was cut off before an answer"}
    if found is None:
        connection.execute(sa.insert(table), {"name": name, "missed": 1, **told})
    else:
        connection.execute(sa.update(table).where(table.c.id == found).values(missed=table.c.missed + 1, **told))


def end_attempt(connection: sa.Connection, name: str, *, outcome: Outcome, reason: str) -> None:
    """Say why the attempt begun before brought no bundle. ``reason`` must be safe to print."""
    values = {"outcome": outcome, "reason": reason[:MAX_REASON]}
    connection.execute(sa.update(schema.host).where(schema.host.c.name == name).values(**values))


def holdings(connection: sa.Connection, name: str) -> Dict[str, int]:
    """Digest -> number of the buckets in the host's own last snapshot and baseline.

    Only its own: the list goes to the host, which must not learn what other hosts hold.
    """
    host, snapshot, link = schema.host, schema.snapshot, schema.state_check
    heads = (
        sa.select(snapshot.c.accepted, snapshot.c.observed)
        .join(host, host.c.head == snapshot.c.id)
        .where(host.c.name == name)
    )
    states = {state for row in connection.execute(heads) for state in row if state is not None}
    held = (
        sa.select(schema.bucket.c.digest, schema.bucket.c.number)
        .join(schema.root_bucket, schema.root_bucket.c.bucket == schema.bucket.c.id)
        .join(link, link.c.root == schema.root_bucket.c.root)
        .where(link.c.state.in_(states))
        .distinct()
    )
    return {f"sha256:{digest.hex()}": number for digest, number in connection.execute(held)}


def hosts(connection: sa.Connection) -> List[HostRow]:
    """Every host ever asked, by name."""
    host, snapshot = schema.host.c, schema.snapshot.c
    rows = connection.execute(
        sa.select(
            *(host.name, host.cohort, host.outcome, host.reason, host.missed, host.head.label("snapshot")),
            *(snapshot.norm, snapshot.taken_at, snapshot.collected_at, snapshot.baseline, snapshot.sequence),
            *(snapshot.accepted, snapshot.observed, snapshot.criticals, snapshot.warnings),
        )
        .select_from(schema.host.outerjoin(schema.snapshot, host.head == snapshot.id))
        .order_by(host.name)
    )
    return [HostRow(**row) for row in rows.mappings()]


def problems(connection: sa.Connection) -> List[Problem]:
    """Checks that failed or were skipped in the last snapshot of each host."""
    rows = connection.execute(
        sa.select(schema.host.c.name, schema.problem.c.check_name, schema.problem.c.status, schema.problem.c.error)
        .join(schema.problem, schema.problem.c.snapshot == schema.host.c.head)
        .order_by(schema.host.c.name, schema.problem.c.check_name)
    )
    return [Problem(*row) for row in rows]
