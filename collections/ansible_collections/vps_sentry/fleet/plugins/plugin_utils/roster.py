# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is in the fleet: attempts to collect, what each host holds, and its last snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterable, List, Optional

from . import schema, trust, trust_store
from ._libraries import sa

MAX_REASON = 400
ASKED, CUT_OFF = "asked", "no whole answer came in the time there was"
"""Outcome and reason of an attempt that has begun."""
MAX_AGE = 3
"""A host that missed this many collects in a row has no vote (``vps_sentry_max_age``)."""


@dataclass(frozen=True)
class HostRow:
    """One host as the store knows it. All but the first seven fields are None before first contact."""

    name: str
    cohort: str
    outcome: str
    """Of the last attempt: asked, collected, unreachable, old, refused, replay, host_key, failed."""
    reason: str
    missed: int
    """Attempts since the last bundle; 0 = the last one worked."""
    max_age: Optional[int]
    """Missed collects that cost its vote; None = the fleet's."""
    absent_since: Optional[str]
    """When it was first missing from the inventory; None = it is there."""
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


def begin_attempt(connection: sa.Connection, name: str, *, cohort: str, max_age: Optional[int] = None) -> None:
    """Note that ``name`` is being asked: whatever cuts the attempt off, the host counts as not reached.

    Who is asked is in the inventory, and active again if it was retired.
    """
    table = schema.host
    active = {"absent_since": None, "retired_at": None, "retired_reason": None}
    told = {"cohort": cohort, "outcome": ASKED, "reason": CUT_OFF, "max_age": max_age, **active}
    found = connection.scalar(sa.select(table.c.id).where(table.c.name == name))
    if found is None:
        connection.execute(sa.insert(table), {"name": name, "missed": 1, **told})
    else:
        connection.execute(sa.update(table).where(table.c.id == found).values(missed=table.c.missed + 1, **told))


def end_attempt(connection: sa.Connection, name: str, *, outcome: str, reason: str, at: str) -> None:
    """Say why the attempt begun before brought no bundle. ``reason`` must be safe to print."""
    table = schema.host
    values = {"outcome": outcome, "reason": reason[:MAX_REASON]}
    connection.execute(sa.update(table).where(table.c.name == name).values(**values))
    row = connection.execute(sa.select(table.c.id, table.c.missed, table.c.max_age).where(table.c.name == name)).one()
    doubt = trust.about_absence(outcome, reason, missed=row.missed, max_age=row.max_age or MAX_AGE)
    trust_store.keep(connection, row.id, doubts=[doubt], at=at)


def settle_attempts(connection: sa.Connection, names: Iterable[str], *, at: str) -> None:
    """End the attempts of those hosts that nobody ended: a time limit cut them off."""
    table, asked = schema.host.c, set(names)
    query = sa.select(table.name).where(table.outcome == ASKED)
    for name in asked & set(connection.scalars(query)):
        end_attempt(connection, name, outcome="failed", reason=CUT_OFF, at=at)


def withdraw_attempt(connection: sa.Connection, name: str) -> None:
    """Take back that ``name`` is being asked: it will be asked in another way."""
    table = schema.host
    connection.execute(sa.update(table).where(table.c.name == name).values(missed=table.c.missed - 1))


def note_inventory(connection: sa.Connection, names: Iterable[str], *, at: str) -> List[str]:
    """Compare the store with the inventory's ``names``; the active hosts that are no longer in it."""
    present, table = set(names), schema.host
    query = sa.select(table.c.id, table.c.name, table.c.absent_since).where(table.c.retired_at.is_(None))
    gone = []
    for row in connection.execute(query.order_by(table.c.name)).all():
        if row.name not in present:
            gone.append(row.name)
        if (row.name in present) != (row.absent_since is None):
            since = None if row.name in present else at
            connection.execute(sa.update(table).where(table.c.id == row.id).values(absent_since=since))
    return gone


def holdings(connection: sa.Connection, name: str) -> Dict[str, int]:
    """Digest -> number of the buckets in the host's own last snapshot and baseline.

    Only its own: the list goes to the host, which must not learn what other hosts hold.
    """
    host, snapshot, link = schema.host, schema.snapshot, schema.state_check
    heads = (
        sa.select(snapshot.c.accepted, snapshot.c.observed, snapshot.c.vouched)
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
    """Every active host ever asked, by name."""
    host, snapshot = schema.host.c, schema.snapshot.c
    rows = connection.execute(
        sa.select(
            *(host.name, host.cohort, host.outcome, host.reason, host.missed, host.max_age, host.absent_since),
            host.head.label("snapshot"),
            *(snapshot.norm, snapshot.taken_at, snapshot.collected_at, snapshot.baseline, snapshot.sequence),
            *(snapshot.accepted, snapshot.observed, snapshot.criticals, snapshot.warnings),
        )
        .select_from(schema.host.outerjoin(schema.snapshot, host.head == snapshot.id))
        .where(host.retired_at.is_(None))
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
