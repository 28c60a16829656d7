# SPDX-License-Identifier: GPL-3.0-or-later
"""A verified bundle -> rows, in the caller's one transaction; what is known already is not written again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from . import limits, schema, shared, sightings, trust_store
from ._libraries import sa
from .acceptance import ledger
from .core import canonical, codec, digest
from .core.bundle import Bundle
from .trust import Last
from .trust_store import Moment
from .verify import EMPTY, VerifyError

Checks = Mapping[str, Tuple[str, Tuple[str, ...]]]
"""Check name -> root and its 64 buckets, as digests."""

_CHUNK = 500
MAX_ERROR = 1000


@dataclass(frozen=True)
class Ingested:
    """What one bundle brought."""

    name: str
    observed: str
    """Digest of the last snapshot."""
    accepted: Optional[str]
    """Digest of the accepted baseline."""
    new_buckets: int
    moved: bool
    """False when the host is as it was at the last collect."""
    size: int = 0
    """Bytes of the bundle as it was read."""


@dataclass(frozen=True)
class Whose:
    """Whose bundle it is, by the inventory, and whether it was asked for just now (a file may be of any age)."""

    name: str
    cohort: str
    asked: bool = False


def ingest(connection: sa.Connection, bundle: Bundle, *, whose: Whose, at: str) -> Ingested:
    """Record ``bundle`` as the newest word of its host; the same bundle twice changes only ``collected_at``.

    ``at`` is the controller's time, RFC 3339 UTC. Raises VerifyError when a bucket is gone that the host was told
    not to send.
    """
    accepted_checks = {check: (head.root, head.buckets) for check, head in bundle.baseline.checks.items()}
    observed_checks = {
        check: (head.root, head.buckets) for check, head in bundle.checks.items() if head.root is not None
    }
    new_buckets = _add_buckets(connection, bundle)
    observed = _state(connection, observed_checks, bundle.norm)
    accepted = _state(connection, accepted_checks, bundle.norm) if bundle.baseline.status == "accepted" else None
    host, head = _host(connection, whose)
    before = None if head is None else _last(connection, head)
    ledger.confirm(connection, host, bundle=bundle, at=at)
    trust_store.weigh(
        connection, host, bundle=bundle, states=(observed, accepted), moment=Moment(at, before, whose.asked)
    )
    sightings.note(connection, host, alerts=bundle.alerts)
    since = before.run_since if before is not None and before.run == bundle.run else at
    place = {"host": host, "observed": observed, "accepted": accepted, "at": at, "run_since": since}
    place["vouched"] = _vouched(connection, bundle)
    snapshot = _snapshot(connection, bundle, place)
    connection.execute(sa.update(schema.host).where(schema.host.c.id == host).values(head=snapshot))
    return Ingested(
        name=whose.name,
        observed=digest.total({check: root for check, (root, _buckets) in observed_checks.items()}, norm=bundle.norm),
        accepted=bundle.baseline.digest,
        new_buckets=new_buckets,
        moved=before is None or (before.observed, before.accepted) != (observed, accepted),
    )


def _vouched(connection: sa.Connection, bundle: Bundle) -> Optional[int]:
    """What the host says that upgrades explain, kept as a state of its own."""
    said = bundle.vouched
    return None if said is None else _state(connection, {"vouched": (said.root, said.buckets)}, bundle.norm)


def _raw(name: str) -> bytes:
    return bytes.fromhex(name.split(":", 1)[1])


def _known(connection: sa.Connection, table: sa.Table, names: Iterable[str]) -> Dict[str, int]:
    """The ids of those digests that ``table`` holds."""
    wanted = sorted(_raw(name) for name in set(names))
    found: Dict[str, int] = {}
    for start in range(0, len(wanted), _CHUNK):
        query = sa.select(table.c.digest, table.c.id).where(table.c.digest.in_(wanted[start : start + _CHUNK]))
        found.update({f"sha256:{raw.hex()}": row for raw, row in connection.execute(query)})
    return found


def _add(connection: sa.Connection, table: sa.Table, rows: Mapping[str, Mapping[str, Any]]) -> Dict[str, int]:
    """Insert the rows (by digest) that are not there, in digest order; the ids of all."""
    known = _known(connection, table, rows)
    new = [{"digest": _raw(name), **rows[name]} for name in sorted(rows) if name not in known]
    if not new:
        return known
    connection.execute(sa.insert(table), new)
    return _known(connection, table, rows)


def _add_buckets(connection: sa.Connection, bundle: Bundle) -> int:
    new = set(bundle.buckets) - set(_known(connection, schema.bucket, bundle.buckets))
    if not new:
        return 0
    items: Dict[str, Dict[str, str]] = {}
    members: Dict[str, List[str]] = {}
    for name in new:
        members[name] = []
        for key, value in bundle.buckets[name]:
            entry = digest.digest([key, value])
            items[entry] = {"key": key, "value": canonical.dumps(value).decode("ascii")}
            members[name].append(entry)
    numbers = {name: _number(bundle.buckets[name]) for name in new}
    item_ids = _add(connection, schema.item, items)
    bucket_ids = _add(connection, schema.bucket, {name: {"number": number} for name, number in numbers.items()})
    links = sorted((bucket_ids[name], item_ids[entry]) for name in new for entry in members[name])
    if links:
        connection.execute(sa.insert(schema.bucket_item), [{"bucket": b, "item": i} for b, i in links])
    return len(new)


def _number(bucket: List[Any]) -> int:
    return digest.bucket_number(bucket[0][0]) if bucket else EMPTY


def _state(connection: sa.Connection, checks: Checks, norm: int) -> int:
    name = digest.total({check: root for check, (root, _buckets) in checks.items()}, norm=norm)
    known = _known(connection, schema.state, [name])
    if known:
        return known[name]
    roots = _add_roots(connection, dict(checks.values()))
    for check in sorted(checks):
        shared.note(connection, check, root=roots[checks[check][0]])
    state = _add(connection, schema.state, {name: {}})[name]
    rows = [{"state": state, "check_name": check, "root": roots[checks[check][0]]} for check in sorted(checks)]
    if rows:
        connection.execute(sa.insert(schema.state_check), rows)
    return state


def _add_roots(connection: sa.Connection, roots: Mapping[str, Tuple[str, ...]]) -> Dict[str, int]:
    new = set(roots) - set(_known(connection, schema.root, roots))
    ids = _add(connection, schema.root, {name: {} for name in roots})
    needed = {bucket for name in new for bucket in roots[name]}
    buckets = _known(connection, schema.bucket, needed)
    if len(buckets) < len(needed):
        raise VerifyError("the store no longer holds a bucket that the host was told not to send; collect again")
    rows = [
        {"root": ids[name], "number": number, "bucket": buckets[bucket]}
        for name in sorted(new)
        for number, bucket in enumerate(roots[name])
    ]
    if rows:
        connection.execute(sa.insert(schema.root_bucket), rows)
    return ids


def _insert(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any]) -> int:
    return int(connection.execute(sa.insert(table).values(**row).returning(table.c.id)).scalar_one())


def _host(connection: sa.Connection, whose: Whose) -> Tuple[int, Optional[int]]:
    table = schema.host
    values = {"cohort": whose.cohort, "outcome": "collected", "reason": "", "missed": 0}
    found = connection.execute(sa.select(table.c.id, table.c.head).where(table.c.name == whose.name)).one_or_none()
    if found is not None:
        connection.execute(sa.update(table).where(table.c.id == found.id).values(**values))
        return found.id, found.head
    return _insert(connection, table, {"name": whose.name, **values}), None


def _last(connection: sa.Connection, snapshot: int) -> Last:
    table = schema.snapshot.c
    since = sa.func.coalesce(table.run_since, table.collected_at)
    query = sa.select(table.run, table.prev, table.observed, table.accepted, since).where(table.id == snapshot)
    return Last(*connection.execute(query).one())


def _snapshot(connection: sa.Connection, bundle: Bundle, place: Mapping[str, Any]) -> int:
    table = schema.snapshot
    header = _raw(_header(bundle))
    known = sa.select(table.c.id).where(table.c.host == place["host"], table.c.header == header)
    found = connection.scalar(known)
    if found is not None:
        connection.execute(sa.update(table).where(table.c.id == found).values(collected_at=place["at"]))
        return int(found)
    row = {**_columns(bundle), "header": header, "collected_at": place["at"]}
    row.update({name: place[name] for name in ("host", "observed", "accepted", "vouched", "run_since")})
    snapshot = _insert(connection, table, row)
    problems = [
        {
            "snapshot": snapshot,
            "check_name": check,
            "status": head.status,
            "error": limits.show(head.error or "", limit=MAX_ERROR),
        }
        for check, head in sorted(bundle.checks.items())
        if head.status != "ok"
    ]
    if problems:
        connection.execute(sa.insert(schema.problem), problems)
    return snapshot


def _header(bundle: Bundle) -> str:
    plain = {name: codec.encode(value) for name, value in vars(bundle).items() if name not in ("nonce", "buckets")}
    return digest.digest(plain)


def _columns(bundle: Bundle) -> Dict[str, Any]:
    open_alerts = [alert.severity for alert in bundle.alerts if alert.state != "resolved"]
    return {
        "run": bundle.run,
        "prev": bundle.prev,
        "taken_at": bundle.time,
        "norm": bundle.norm,
        "machine_id": bundle.machine_id,
        "host_keys": canonical.dumps(bundle.host_keys).decode("ascii"),
        "agent_digest": bundle.agent_digest,
        "baseline": bundle.baseline.status,
        "sequence": bundle.baseline.sequence,
        "digest": bundle.baseline.digest,
        "criticals": open_alerts.count("critical"),
        "warnings": open_alerts.count("warning"),
    }
