# SPDX-License-Identifier: GPL-3.0-or-later
"""Retention: old snapshots go, then whatever nothing points at any more. Mark and sweep; nothing is counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Sequence, Set

from . import schema
from ._libraries import sa

_CHUNK = 500


@dataclass(frozen=True)
class Swept:
    """How many rows went."""

    snapshots: int
    states: int
    roots: int
    buckets: int
    items: int


def sweep(connection: sa.Connection, *, keep: int) -> Swept:
    """Keep of each host its newest ``keep`` snapshots and the first one with each accepted baseline it ever had."""
    old = sorted(_every(connection, schema.snapshot) - _kept(connection, keep))
    for table, column in ((schema.problem, schema.problem.c.snapshot), (schema.snapshot, schema.snapshot.c.id)):
        _delete(connection, table, column, ids=old)
    snapshot, link = schema.snapshot.c, schema.state_check
    states = _orphans(connection, schema.state, (snapshot.observed, snapshot.accepted, snapshot.vouched))
    _delete(connection, link, link.c.state, ids=states)
    _delete(connection, schema.state, schema.state.c.id, ids=states)
    roots = _orphans(connection, schema.root, (link.c.root,))
    for table in (schema.root_shared, schema.root_bucket):
        _delete(connection, table, table.c.root, ids=roots)
    _delete(connection, schema.root, schema.root.c.id, ids=roots)
    buckets = _orphans(connection, schema.bucket, (schema.root_bucket.c.bucket,))
    for table in (schema.bucket_shared, schema.bucket_item):
        _delete(connection, table, table.c.bucket, ids=buckets)
    _delete(connection, schema.bucket, schema.bucket.c.id, ids=buckets)
    items = _orphans(connection, schema.item, (schema.bucket_item.c.item,))
    _delete(connection, schema.item, schema.item.c.id, ids=items)
    return Swept(len(old), len(states), len(roots), len(buckets), len(items))


def _every(connection: sa.Connection, table: sa.Table) -> Set[int]:
    return set(connection.scalars(sa.select(table.c.id)))


def _kept(connection: sa.Connection, keep: int) -> Set[int]:
    table = schema.snapshot.c
    place = sa.func.row_number().over(partition_by=table.host, order_by=table.id.desc()).label("place")
    ranked = sa.select(table.id, place).subquery()
    kept = set(connection.scalars(sa.select(ranked.c.id).where(ranked.c.place <= keep)))
    first = sa.select(sa.func.min(table.id)).group_by(table.host, table.accepted, table.sequence)
    kept.update(connection.scalars(first.where(table.accepted.is_not(None))))
    kept.update(connection.scalars(sa.select(schema.host.c.head).where(schema.host.c.head.is_not(None))))
    return kept


def _orphans(connection: sa.Connection, table: sa.Table, users: Sequence[sa.Column[int]]) -> List[int]:
    """Rows of ``table`` that none of the columns ``users`` names."""
    missing = (~sa.exists(sa.select(1).where(user == table.c.id)) for user in users)
    return sorted(connection.scalars(sa.select(table.c.id).where(*missing)))


def _delete(connection: sa.Connection, table: sa.Table, column: sa.Column[int], *, ids: Sequence[int]) -> None:
    for start in range(0, len(ids), _CHUNK):
        connection.execute(sa.delete(table).where(column.in_(ids[start : start + _CHUNK])))
