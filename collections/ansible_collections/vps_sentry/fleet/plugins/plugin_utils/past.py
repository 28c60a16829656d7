# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host said before: every snapshot the store still holds, its items, and what changed between two of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Dict, Iterator, List, Literal, Mapping, Optional, Tuple

from . import schema
from ._libraries import sa
from .core.diff import diff_items
from .core.model import Change, Value

Axis = Literal["snapshot", "accepted"]
Items = Dict[str, Dict[str, Value]]
"""Check -> key -> value."""


class PastError(Exception):
    """There is no such host or snapshot; the message says where to look."""


@dataclass(frozen=True)
class Snapshot:
    """One bundle of a host as the store keeps it; ``observed`` and ``accepted`` are store ids of states."""

    id: int
    run: int
    taken_at: str
    collected_at: str
    baseline: str
    sequence: int
    observed: int
    accepted: Optional[int]
    criticals: int
    warnings: int


def snapshots(connection: sa.Connection, name: str) -> List[Snapshot]:
    """All of a host's snapshots, oldest first. Raises PastError for a host nobody knows."""
    table = schema.snapshot.c
    host = connection.scalar(sa.select(schema.host.c.id).where(schema.host.c.name == name))
    if host is None:
        raise PastError(f"there is no host {name}; see vps-sentry-fleet hosts")
    names = Snapshot.__dataclass_fields__
    query = sa.select(*(table[column] for column in names)).where(table.host == host).order_by(table.id)
    return [Snapshot(*row) for row in connection.execute(query)]


def choose(found: List[Snapshot], number: int) -> Snapshot:
    """The snapshot with that id. Raises PastError."""
    for one in found:
        if one.id == number:
            return one
    raise PastError(f"there is no snapshot {number} of this host; leave the number out to see them all")


def items_of(connection: sa.Connection, one: Snapshot, *, axis: Axis) -> Items:
    """Every item of a snapshot, or of the baseline that was accepted when it was taken."""
    state = one.observed if axis == "snapshot" else one.accepted
    found: Items = {}
    for check, key, value in _rows(connection, state):
        found.setdefault(check, {})[key] = json.loads(value)
    return found


def _rows(connection: sa.Connection, state: Optional[int]) -> Iterator[Tuple[str, str, str]]:
    link, place, member = schema.state_check.c, schema.root_bucket.c, schema.bucket_item.c
    query = (
        sa.select(link.check_name, schema.item.c.key, schema.item.c.value)
        .join(schema.root_bucket, place.root == link.root)
        .join(schema.bucket_item, member.bucket == place.bucket)
        .join(schema.item, schema.item.c.id == member.item)
        .where(link.state == state)
        .order_by(link.check_name, schema.item.c.key)
    )
    for row in connection.execute(query):
        yield row.check_name, row.key, row.value


def changes(before: Mapping[str, Mapping[str, Value]], after: Mapping[str, Mapping[str, Value]]) -> List[Change]:
    """What is different, by check and key. A check that did not work on one side has all its items changed."""
    return [
        change
        for check in sorted(set(before) | set(after))
        for change in diff_items(check, before=before.get(check, {}), after=after.get(check, {}))
    ]
