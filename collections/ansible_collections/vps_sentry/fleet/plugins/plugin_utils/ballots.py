# SPDX-License-Identifier: GPL-3.0-or-later
"""From the store to the votes: only buckets on which a cohort does not agree are ever opened.

Hosts that share what is compared of a check's root cost nothing. Each other root is held, by SQL, against its cohort's
most common one, and each differing bucket against the most common in its place: the cost grows with drift and not
with hosts x items. The time axis is the same question, asked of a host's own baseline.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from . import schema
from ._libraries import sa
from .compare import Deviation, Move
from .scope import scope

Roots = Mapping[str, Mapping[str, int]]
"""Check -> host -> root, of the voters of one cohort."""

_Pair = Tuple[int, int]
_Diff = Dict[str, Tuple[Optional[str], Optional[str]]]
_Hosts = Sequence[str]

# Pairs of roots to hold against each other; a check's name where only what is compared between hosts counts, else "".
_contest = sa.Table(
    "vps_sentry_contest",
    sa.MetaData(),
    sa.Column("root", sa.Integer),
    sa.Column("usual", sa.Integer),
    sa.Column("rules", sa.Text),
    prefixes=["TEMPORARY"],
)
# Pairs of buckets to hold against each other.
_pair = sa.Table(
    "vps_sentry_pair",
    sa.MetaData(),
    sa.Column("bucket", sa.Integer),
    sa.Column("usual", sa.Integer),
    prefixes=["TEMPORARY"],
)


class _Contest(NamedTuple):
    root: int
    usual: int
    rules: str


def _own(pair: _Pair) -> _Contest:
    """A host against its own past: every item counts."""
    return _Contest(pair[0], pair[1], "")


class _Mismatch(NamedTuple):
    """One of the 64 places in which two roots differ; ``kind`` is the same for buckets that count as equal."""

    number: int
    bucket: int
    kind: object
    usual: int


def roots_of(connection: sa.Connection, states: Iterable[int]) -> Dict[int, Dict[str, int]]:
    """State -> check -> root, for those states."""
    wanted = set(states)
    table = schema.state_check
    found: Dict[int, Dict[str, int]] = defaultdict(dict)
    for state, check, root in connection.execute(sa.select(table.c.state, table.c.check_name, table.c.root)):
        if state in wanted:
            found[state][check] = root
    return found


def deviations(connection: sa.Connection, cohorts: Mapping[str, Roots]) -> Dict[str, List[Deviation]]:
    """Cohort -> every shared item in which a host differs from its cohort's most common bucket."""
    kinds = _kinds(connection)
    camps = {
        (cohort, check): found
        for cohort, checks in cohorts.items()
        for check, roots in checks.items()
        if len(found := _camps(check, roots, kinds)) > 1
    }
    mismatches = _mismatches(
        connection,
        {_Contest(root, found[0][0], check) for (_cohort, check), found in camps.items() for root, _names in found[1:]},
    )
    places = {place: _differing(place[1], found, mismatches) for place, found in camps.items()}
    diffs = _diffs(connection, {pair for pairs in places.values() for pair in pairs})
    told: Dict[str, List[Deviation]] = defaultdict(list)
    for (cohort, check), pairs in places.items():
        for pair, hosts in pairs.items():
            told[cohort] += (
                Deviation(check, key, value, usual, tuple(hosts))
                for key, (value, usual) in diffs[pair].items()
                if scope(check, key) != "host"
            )
    return told


def moves(
    connection: sa.Connection, cohorts: Mapping[str, Roots], *, baselines: Mapping[str, Roots]
) -> Dict[str, List[Move]]:
    """Cohort -> every item in which a host differs from its own accepted baseline.

    A check that the baseline does not hold at all says nothing: the host tells that by itself.
    """
    hosts: Dict[Tuple[str, str, _Pair], List[str]] = defaultdict(list)
    for cohort, checks in cohorts.items():
        for check, roots in checks.items():
            accepted = baselines.get(cohort, {}).get(check, {})
            for host, root in roots.items():
                if accepted.get(host, root) != root:
                    hosts[cohort, check, (root, accepted[host])].append(host)
    found = _mismatches(connection, {_own(pair) for _host, _cohort, pair in hosts})
    diffs = _diffs(connection, {(one.bucket, one.usual) for places in found.values() for one in places})
    told: Dict[str, List[Move]] = defaultdict(list)
    for (cohort, check, pair), names in hosts.items():
        for one in found[_own(pair)]:
            told[cohort] += (
                Move(check, key, before, after, tuple(names))
                for key, (after, before) in diffs[one.bucket, one.usual].items()
            )
    return told


def difference(connection: sa.Connection, one: Mapping[str, int], *, other: Mapping[str, int]) -> Dict[str, _Diff]:
    """Check -> key -> (value in ``one``, value in ``other``), for two states' roots of the checks both have."""
    pairs = {check: (root, other[check]) for check, root in one.items() if other.get(check, root) != root}
    found = _mismatches(connection, {_own(pair) for pair in pairs.values()})
    diffs = _diffs(connection, {(place.bucket, place.usual) for places in found.values() for place in places})
    told: Dict[str, _Diff] = {check: {} for check in sorted(pairs)}
    for check, pair in pairs.items():
        for place in found[_own(pair)]:
            told[check].update(diffs[place.bucket, place.usual])
    return told


def _kinds(connection: sa.Connection) -> Dict[Tuple[str, int], bytes]:
    """Check and root -> what is compared of it, where that is not the root itself."""
    table = schema.root_shared.c
    rows = connection.execute(sa.select(table.check_name, table.root, table.digest))
    return {(check, root): digest for check, root, digest in rows}


def _camps(check: str, roots: Mapping[str, int], kinds: Mapping[Tuple[str, int], bytes]) -> List[Tuple[int, List[str]]]:
    """Hosts that agree on a check, and one of their roots; the largest camp first."""
    hosts: Dict[object, List[str]] = defaultdict(list)
    example: Dict[object, int] = {}
    for host, root in roots.items():
        kind = kinds.get((check, root), root)
        hosts[kind].append(host)
        example[kind] = min(root, example.get(kind, root))
    return sorted(((example[kind], names) for kind, names in hosts.items()), key=lambda camp: (-len(camp[1]), camp[0]))


def _mismatches(connection: sa.Connection, contests: Set[_Contest]) -> Dict[_Contest, List[_Mismatch]]:
    """For each pair of roots the places in which they differ."""
    fill(connection, _contest, rows=[contest._asdict() for contest in sorted(contests)])
    mine, yours = schema.root_bucket.alias("mine"), schema.root_bucket.alias("yours")
    here, there = schema.bucket_shared.alias("here"), schema.bucket_shared.alias("there")
    root, usual, rules = _contest.c.root, _contest.c.usual, _contest.c.rules
    query = (
        sa.select(root, usual, rules, mine.c.number, mine.c.bucket, here.c.digest, yours.c.bucket.label("other"))
        .select_from(_contest)
        .join(mine, mine.c.root == root)
        .join(yours, sa.and_(yours.c.root == usual, yours.c.number == mine.c.number))
        .outerjoin(here, sa.and_(here.c.bucket == mine.c.bucket, here.c.check_name == rules))
        .outerjoin(there, sa.and_(there.c.bucket == yours.c.bucket, there.c.check_name == rules))
        .where(mine.c.bucket != yours.c.bucket)
        .where(sa.or_(here.c.digest.is_(None), here.c.digest != there.c.digest))
    )
    found: Dict[_Contest, List[_Mismatch]] = {contest: [] for contest in contests}
    for one, common, check, number, bucket, digest, other in connection.execute(query):
        found[_Contest(one, common, check)].append(_Mismatch(number, bucket, digest or bucket, other))
    return found


def _differing(
    check: str, camps: List[Tuple[int, List[str]]], mismatches: Mapping[_Contest, List[_Mismatch]]
) -> Dict[_Pair, List[str]]:
    """(bucket, the most common bucket in its place) -> hosts that have it, for one check of one cohort."""
    usual = camps[0][0]
    holders: Dict[int, Dict[object, List[str]]] = defaultdict(lambda: defaultdict(list))
    buckets: Dict[object, int] = {}
    common: Dict[int, int] = {}
    for root, names in camps[1:]:
        for place in mismatches[_Contest(root, usual, check)]:
            holders[place.number][place.kind] += names
            buckets[place.kind] = min(place.bucket, buckets.get(place.kind, place.bucket))
            common[place.number] = place.usual
    everybody = [host for _root, names in camps for host in names]
    found: Dict[_Pair, List[str]] = {}
    for number, kinds in holders.items():
        apart = {buckets[kind]: names for kind, names in kinds.items()}
        found.update(_against_most_common(common[number], apart, everybody))
    return found


def _against_most_common(usual: int, apart: Mapping[int, List[str]], everybody: List[str]) -> Dict[_Pair, List[str]]:
    """``apart``: bucket -> hosts, of those that differ from ``usual``; another bucket may be the most common one."""
    most = max(apart, key=lambda bucket: (len(apart[bucket]), -bucket))
    if len(apart[most]) <= len(everybody) - sum(map(len, apart.values())):
        return {(bucket, usual): names for bucket, names in apart.items()}
    differing = {host for names in apart.values() for host in names}
    rest = {usual: [host for host in everybody if host not in differing]}
    return {(bucket, most): names for bucket, names in {**apart, **rest}.items() if bucket != most}


def _diffs(connection: sa.Connection, pairs: Set[_Pair]) -> Dict[_Pair, _Diff]:
    """(bucket, usual) -> key -> (value in the bucket, value in the usual one), None where absent."""
    fill(connection, _pair, rows=[{"bucket": bucket, "usual": usual} for bucket, usual in sorted(pairs)])
    found: Dict[_Pair, _Diff] = {pair: {} for pair in pairs}
    for bucket, usual, key, value in _only_in(connection, "bucket", "usual"):
        found[bucket, usual][key] = (value, None)
    for bucket, usual, key, value in _only_in(connection, "usual", "bucket"):
        diff = found[bucket, usual]
        diff[key] = (diff[key][0] if key in diff else None, value)
    return found


def _only_in(connection: sa.Connection, one: str, other: str) -> Iterable[Tuple[int, int, str, str]]:
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
    return (tuple(row) for row in connection.execute(query))


def fill(connection: sa.Connection, table: sa.Table, *, rows: List[Dict[str, object]]) -> None:
    """Make a temporary table hold exactly ``rows``."""
    table.drop(connection, checkfirst=True)
    table.create(connection, checkfirst=False)
    if rows:
        connection.execute(sa.insert(table), rows)
