# SPDX-License-Identifier: GPL-3.0-or-later
"""What packages explain, out of the store: what each host vouches for, and who in the fleet has which package."""

from __future__ import annotations

from collections import Counter
from typing import Collection, Dict, List, Mapping, Tuple

from . import ballots, schema, vouchers
from ._libraries import sa
from .core import digest

_CHUNK = 500

Roots = Mapping[str, int]
"""Host -> root of its check ``packages``, of the hosts that are believed."""

# How many hosts hold each root.
_weight = sa.Table(
    "vps_sentry_weight",
    sa.MetaData(),
    sa.Column("root", sa.Integer, primary_key=True),
    sa.Column("hosts", sa.Integer),
    prefixes=["TEMPORARY"],
)


def load(connection: sa.Connection, roots: Roots) -> vouchers.Vouchers:
    """What packages explain on each of the hosts in ``roots``."""
    said = _said(connection, roots)
    found = stacks(connection, roots, packages=vouchers.packages_of(said.values()))
    return vouchers.Vouchers(said, vouchers.borne_out(found))


def stacks(connection: sa.Connection, roots: Roots, *, packages: Collection[str]) -> List[vouchers.Stack]:
    """Each of the ``packages`` over the whole fleet; opens each bucket once, however many hosts hold it."""
    if not packages:
        return []
    weights = _weights(connection, roots, {digest.bucket_number(package) for package in packages})
    link, item = schema.bucket_item.c, schema.item.c
    rows: List[Tuple[str, str, int]] = []
    for some in _chunks(sorted(weights)):
        query = sa.select(link.bucket, item.key, item.value).join(schema.item, item.id == link.item)
        found = connection.execute(query.where(link.bucket.in_(some)))
        rows += ((row.key, row.value, weights[row.bucket]) for row in found if row.key in packages)
    return vouchers.stacks_of(rows, sorted(packages), hosts=len(roots))


def held(connection: sa.Connection, roots: Roots, *, packages: Collection[str]) -> Dict[int, Dict[str, str]]:
    """Root -> those of the ``packages`` that are in it, each with its value; opens each root once."""
    found: Dict[int, Dict[str, str]] = {root: {} for root in roots.values()}
    numbers = sorted({digest.bucket_number(package) for package in packages})
    place, link, item = schema.root_bucket.c, schema.bucket_item.c, schema.item.c
    query = (
        sa.select(place.root, item.key, item.value)
        .join(schema.bucket_item, link.bucket == place.bucket)
        .join(schema.item, item.id == link.item)
        .where(place.number.in_(numbers))
    )
    for some in _chunks(sorted(found)):
        for row in connection.execute(query.where(place.root.in_(some))):
            if row.key in packages:
                found[row.root][row.key] = row.value
    return found


def _weights(connection: sa.Connection, roots: Roots, numbers: Collection[int]) -> Dict[int, int]:
    """Bucket in one of these places -> how many hosts hold it."""
    holders = sorted(Counter(roots.values()).items())
    ballots.fill(connection, _weight, rows=[{"root": root, "hosts": hosts} for root, hosts in holders])
    place, weight = schema.root_bucket.c, _weight.c
    query = (
        sa.select(place.bucket, sa.func.sum(weight.hosts).label("hosts"))
        .select_from(_weight)
        .join(schema.root_bucket, place.root == weight.root)
        .where(place.number.in_(sorted(numbers)))
        .group_by(place.bucket)
    )
    return {row.bucket: int(row.hosts) for row in connection.execute(query)}


def _said(connection: sa.Connection, roots: Roots) -> Dict[str, vouchers.Said]:
    """Host -> what it vouches for; hosts that say the same share one table."""
    host, snapshot = schema.host.c, schema.snapshot.c
    query = sa.select(host.name, snapshot.vouched).join(schema.snapshot, snapshot.id == host.head)
    states = {
        row.name: row.vouched
        for row in connection.execute(query.where(snapshot.vouched.is_not(None)))
        if row.name in roots
    }
    known = {state: vouchers.read(_rows(connection, state)) for state in set(states.values())}
    return {name: known[state] for name, state in states.items()}


def _rows(connection: sa.Connection, state: int) -> List[Tuple[str, str]]:
    link, place, member, item = schema.state_check.c, schema.root_bucket.c, schema.bucket_item.c, schema.item.c
    query = (
        sa.select(item.key, item.value)
        .join(schema.bucket_item, member.item == item.id)
        .join(schema.root_bucket, place.bucket == member.bucket)
        .join(schema.state_check, link.root == place.root)
        .where(link.state == state)
    )
    return [(row.key, row.value) for row in connection.execute(query)]


def _chunks(ids: List[int]) -> List[List[int]]:
    return [ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK)]
