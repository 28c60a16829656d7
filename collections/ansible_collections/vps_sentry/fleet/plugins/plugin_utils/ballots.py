# SPDX-License-Identifier: GPL-3.0-or-later
"""From the store to the votes: only buckets on which a cohort does not agree are ever opened.

A cohort whose hosts share a check's root costs nothing. Of the others each differing bucket is compared with
the cohort's most common one, by SQL, so the cost grows with drift and not with hosts x items.
"""

from __future__ import annotations

from collections import defaultdict
from typing import DefaultDict, Dict, Iterable, Iterator, List, Mapping, Optional, Set, Tuple

from . import schema
from ._libraries import sa
from .compare import Deviation

Roots = Mapping[str, Mapping[str, int]]
"""Check -> host -> root, of the voters of one cohort."""

_Pair = Tuple[int, int]
_Diff = Dict[str, Tuple[Optional[str], Optional[str]]]

# Roots that take part in this comparison, each once; and pairs (bucket, most common bucket) to compare.
_root = sa.Table("vps_sentry_ballot", sa.MetaData(), sa.Column("root", sa.Integer), prefixes=["TEMPORARY"])
_pair = sa.Table(
    "vps_sentry_pair",
    sa.MetaData(),
    sa.Column("bucket", sa.Integer),
    sa.Column("usual", sa.Integer),
    prefixes=["TEMPORARY"],
)


def roots_of(connection: sa.Connection, states: Iterable[int]) -> Dict[int, Dict[str, int]]:
    """State -> check -> root, for those states."""
    wanted = set(states)
    table = schema.state_check
    found: DefaultDict[int, Dict[str, int]] = defaultdict(dict)
    for row in connection.execute(sa.select(table.c.state, table.c.check_name, table.c.root)):
        if row.state in wanted:
            found[row.state][row.check_name] = row.root
    return found


def deviations(connection: sa.Connection, cohorts: Mapping[str, Roots]) -> Dict[str, List[Deviation]]:
    """Cohort -> every item in which a host differs from its cohort's most common bucket."""
    disputed = {
        (cohort, check): roots
        for cohort, checks in cohorts.items()
        for check, roots in checks.items()
        if len(set(roots.values())) > 1
    }
    buckets = _buckets(connection, {root for roots in disputed.values() for root in roots.values()})
    differing = {place: _differing(roots, buckets) for place, roots in disputed.items()}
    diffs = _diffs(connection, {pair for found in differing.values() for pair in found})
    told: DefaultDict[str, List[Deviation]] = defaultdict(list)
    for (cohort, check), found in differing.items():
        for pair, hosts in found.items():
            told[cohort] += (Deviation(check, key, value, usual, hosts) for key, (value, usual) in diffs[pair].items())
    return told


def _buckets(connection: sa.Connection, roots: Set[int]) -> Dict[int, Tuple[int, ...]]:
    """Root -> its 64 buckets."""
    _fill(connection, _root, [{"root": root} for root in sorted(roots)])
    table = schema.root_bucket
    query = (
        sa.select(table.c.root, table.c.bucket)
        .join(_root, _root.c.root == table.c.root)
        .order_by(table.c.root, table.c.number)
    )
    found: DefaultDict[int, List[int]] = defaultdict(list)
    for root, bucket in connection.execute(query):
        found[root].append(bucket)
    return {root: tuple(buckets) for root, buckets in found.items()}


def _differing(roots: Mapping[str, int], buckets: Mapping[int, Tuple[int, ...]]) -> Dict[_Pair, Tuple[str, ...]]:
    """(bucket, the most common bucket in its place) -> hosts that have it, for one check of one cohort."""
    hosts: DefaultDict[int, List[str]] = defaultdict(list)
    for host, root in roots.items():
        hosts[root].append(host)
    found: Dict[_Pair, Tuple[str, ...]] = {}
    for number in range(len(buckets[next(iter(hosts))])):
        holders: DefaultDict[int, List[str]] = defaultdict(list)
        for root, names in hosts.items():
            holders[buckets[root][number]] += names
        usual = max(holders, key=lambda bucket: (len(holders[bucket]), -bucket))
        found.update({(bucket, usual): tuple(names) for bucket, names in holders.items() if bucket != usual})
    return found


def _diffs(connection: sa.Connection, pairs: Set[_Pair]) -> Dict[_Pair, _Diff]:
    """(bucket, usual) -> key -> (value in the bucket, value in the usual one), None where absent."""
    _fill(connection, _pair, [{"bucket": bucket, "usual": usual} for bucket, usual in sorted(pairs)])
    here: Dict[_Pair, Dict[str, str]] = {pair: {} for pair in pairs}
    there: Dict[_Pair, Dict[str, str]] = {pair: {} for pair in pairs}
    for bucket, usual, key, value in _only_in(connection, "bucket", "usual"):
        here[bucket, usual][key] = value
    for bucket, usual, key, value in _only_in(connection, "usual", "bucket"):
        there[bucket, usual][key] = value
    return {
        pair: {key: (here[pair].get(key), there[pair].get(key)) for key in {**here[pair], **there[pair]}}
        for pair in pairs
    }


def _only_in(connection: sa.Connection, one: str, other: str) -> Iterator[Tuple[int, int, str, str]]:
    """Items of the pair's bucket ``one`` that its bucket ``other`` does not hold."""
    mine, yours = schema.bucket_item.alias("mine"), schema.bucket_item.alias("yours")
    query = (
        sa.select(_pair.c.bucket, _pair.c.usual, schema.item.c.key, schema.item.c.value)
        .select_from(_pair)
        .join(mine, mine.c.bucket == _pair.c[one])
        .outerjoin(yours, sa.and_(yours.c.bucket == _pair.c[other], yours.c.item == mine.c.item))
        .join(schema.item, schema.item.c.id == mine.c.item)
        .where(yours.c.item.is_(None))
    )
    for row in connection.execute(query):
        yield row.bucket, row.usual, row.key, row.value


def _fill(connection: sa.Connection, table: sa.Table, rows: List[Dict[str, int]]) -> None:
    table.drop(connection, checkfirst=True)
    table.create(connection, checkfirst=False)
    if rows:
        connection.execute(sa.insert(table), rows)
