# SPDX-License-Identifier: GPL-3.0-or-later
"""What was asked of each host and what came of it. No answer moves the record: only the next bundle does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Literal, Mapping, Optional, Set, Tuple

from .. import schema, trust_store
from .._libraries import sa
from ..core import canonical, codec
from ..core.bundle import Bundle
from ..core.clock import epoch
from ..core.order import Order
from ..schema import acceptance
from . import log
from .planfile import PlanFile

State = Literal["pending", "accepted", "active", "stale", "refused", "expired", "withdrawn"]
"""``pending``: not handed over, or nobody knows; ``accepted``: the host says so; ``active``: its bundle shows it."""

OPEN: Tuple[State, ...] = ("pending", "accepted")
_SHARED = ("manifest", "signature", "profile")
CLOCKS_APART = 300
"""Seconds by which a host's clock may differ from the controller's."""
HERSELF = "vps-sentry-fleet"


@dataclass(frozen=True)
class Intent:
    """One host's part of a plan that is being applied."""

    host: str
    order: Order
    digest: str
    """What its baseline must be afterwards."""
    reverted: Optional[str] = None
    """What it must be again once an acceptance for a time is over."""
    canary: bool = False


@dataclass(frozen=True)
class Row:
    """One acceptance as it stands."""

    id: int
    host: str
    plan_id: str
    state: State
    reason: str
    sequence: int
    digest: str
    lifetime: Optional[str]
    by: str
    why: str
    canary: bool
    expires: str
    created_at: str
    changed_at: str


_COLUMNS = (
    *(acceptance.c.id, schema.host.c.name.label("host"), acceptance.c.plan_id, acceptance.c.state),
    *(acceptance.c.reason, acceptance.c.sequence, acceptance.c.digest, acceptance.c.lifetime),
    *(acceptance.c.by, acceptance.c.why, acceptance.c.canary, acceptance.c.expires),
    *(acceptance.c.created_at, acceptance.c.changed_at),
)


def intend(connection: sa.Connection, intents: Iterable[Intent], *, plan: PlanFile, at: str, by: str) -> None:
    """Record, before any host is asked, what will be asked of each. The same plan again changes nothing."""
    known = {row.host for row in rows(connection, plan_id=plan.plan_id)}
    new = [one for one in intents if one.host not in known]
    if not new:
        return
    ids = host_ids(connection)
    connection.execute(sa.insert(acceptance), [{**_row(one, plan, at=at, by=by), "host": ids[one.host]} for one in new])
    order = new[0].order
    detail = {} if order.profile is None else {"profile": _noted(connection, order, at=at, by=by)}
    log.add(
        connection,
        "applying",
        at=at,
        who=by,
        plan_id=plan.plan_id,
        manifest=codec.encode(order.manifest),
        signature=order.signature,
        reason=order.reason,
        critical=[f"{g.check} {g.key} on {', '.join(g.hosts)}" for g in plan.groups if g.severity == "critical"],
        hosts={one.host: [one.order.leaf.sequence + 1, one.digest] for one in new},
        **detail,
    )


def _noted(connection: sa.Connection, order: Order, *, at: str, by: str) -> str:
    """The name of the profile that ``order`` is made from; what is in it stands in the log once."""
    name = order.manifest.plan_id
    if not log.about(connection, name, what="profile"):
        log.add(connection, "profile", at=at, who=by, plan_id=name, profile=codec.encode(order.profile))
    return name


def host_ids(connection: sa.Connection) -> Dict[str, int]:
    """Host -> its number in the store."""
    return {row.name: row.id for row in connection.execute(sa.select(schema.host.c.name, schema.host.c.id))}


def _row(one: Intent, plan: PlanFile, *, at: str, by: str) -> Dict[str, object]:
    order = one.order
    return {
        "plan_id": plan.plan_id,
        "state": "pending",
        "reason": "not handed over yet",
        "sequence": order.leaf.sequence + 1,
        "digest": one.digest,
        "lifetime": order.leaf.expires,
        "reverted": one.reverted,
        "by": by,
        "why": order.reason,
        "canary": one.canary,
        "order": canonical.dumps(_own(order)).decode("ascii"),
        "expires": plan.expires,
        "created_at": at,
        "changed_at": at,
    }


def _own(order: Order) -> Dict[str, Any]:
    """The part of an order that is this host's alone; what all share grows with the plan and stands once in the log."""
    plain: Dict[str, Any] = codec.encode(order)
    return {name: value for name, value in plain.items() if name not in _SHARED}


def rows(connection: sa.Connection, *, plan_id: Optional[str] = None) -> List[Row]:
    """Every acceptance, or those of one plan, by host and time."""
    query = sa.select(*_COLUMNS).join(schema.host, schema.host.c.id == acceptance.c.host)
    if plan_id is not None:
        query = query.where(acceptance.c.plan_id == plan_id)
    ordered = query.order_by(schema.host.c.name, acceptance.c.id)
    return [Row(**row) for row in connection.execute(ordered).mappings()]


def has_open(connection: sa.Connection, host: str) -> bool:
    """Whether anything was begun for ``host`` that is neither answered nor closed."""
    query = (
        sa.select(acceptance.c.id)
        .join(schema.host, schema.host.c.id == acceptance.c.host)
        .where(schema.host.c.name == host, acceptance.c.state.in_(OPEN))
        .limit(1)
    )
    return connection.scalar(query) is not None


def open_hosts(connection: sa.Connection) -> Set[str]:
    """The hosts for which ``has_open`` holds."""
    query = sa.select(schema.host.c.name).join(acceptance, acceptance.c.host == schema.host.c.id)
    return set(connection.scalars(query.where(acceptance.c.state.in_(OPEN))))


def waiting(connection: sa.Connection, host: str, *, at: str) -> Optional[Tuple[Row, bytes]]:
    """What ``host`` still has to be handed: the oldest acceptance that is neither answered nor out of date."""
    query = (
        sa.select(*_COLUMNS, acceptance.c.order)
        .join(schema.host, schema.host.c.id == acceptance.c.host)
        .where(schema.host.c.name == host, acceptance.c.state.in_(OPEN), acceptance.c.expires > at)
        .order_by(acceptance.c.id)
        .limit(1)
    )
    found = connection.execute(query).mappings().one_or_none()
    if found is None:
        return None
    plain = dict(found)
    own = json.loads(plain.pop("order"))
    begun = log.about(connection, plain["plan_id"], what="applying")
    shared = {name: begun.get(name) for name in ("manifest", "signature")}
    if "profile" in begun:
        # Only then: an older agent refuses an order with a key it does not know.
        shared["profile"] = log.about(connection, begun["profile"], what="profile").get("profile")
    return Row(**plain), canonical.dumps({**own, **shared})


def canaries_ahead(connection: sa.Connection, plan_id: str) -> List[Row]:
    """The canaries of a plan whose bundles do not show it yet."""
    return [row for row in rows(connection, plan_id=plan_id) if row.canary and row.state != "active"]


def settle(connection: sa.Connection, row: Row, *, state: State, reason: str, at: str) -> None:
    """What became of handing it over. ``reason`` must be safe to print."""
    if (row.state, row.reason) == (state, reason):
        return
    values = {"state": state, "reason": reason, "changed_at": at}
    connection.execute(sa.update(acceptance).where(acceptance.c.id == row.id).values(**values))
    if row.state != state:
        log.add(connection, state, at=at, who=HERSELF, plan_id=row.plan_id, host=row.host, reason=reason)


def expire(connection: sa.Connection, *, at: str) -> List[Row]:
    """Close what nobody could hand over in time; it goes back to review."""
    over = [row for row in rows(connection) if row.state == "pending" and row.expires <= at]
    for row in over:
        settle(connection, row, state="expired", reason=f"not reached before {row.expires}; plan anew", at=at)
    return over


def withdraw(connection: sa.Connection, plan_id: str, *, at: str, by: str, reason: str) -> List[Row]:
    """Hand over no more of a plan; what hosts carried out stays."""
    left = [row for row in rows(connection, plan_id=plan_id) if row.state == "pending"]
    for row in left:
        settle(connection, row, state="withdrawn", reason=f"by {by}: {reason}", at=at)
    return left


def confirm(connection: sa.Connection, host: int, *, bundle: Bundle, at: str) -> None:
    """Let the record follow a host whose bundle shows exactly what this controller asked of it, and nothing else."""
    baseline, record = bundle.baseline, trust_store.record_of(connection, host)
    if baseline.digest is None or (record is not None and baseline.sequence <= record.sequence):
        return
    asked = _asked(connection, host, baseline.sequence, digest=baseline.digest)
    if asked is not None:
        settle(connection, asked, state="active", reason="", at=at)
        _follow(connection, host, bundle, told={"since": at, "by": asked.by, "reason": asked.why})
        return
    ended = _ended(connection, host, baseline.sequence, digest=baseline.digest)
    if ended is not None and epoch(at) >= epoch(ended.lifetime or at) - CLOCKS_APART:
        told = f"what #{ended.sequence} accepted for a time gave way"
        log.add(connection, "gave way", at=at, who=HERSELF, plan_id=ended.plan_id, host=ended.host)
        _follow(connection, host, bundle, told={"since": at, "by": HERSELF, "reason": told})


def _asked(connection: sa.Connection, host: int, sequence: int, *, digest: str) -> Optional[Row]:
    """What was asked of a host that leads to this baseline; what a person withdrew no longer counts as asked."""
    where = (acceptance.c.sequence == sequence, acceptance.c.digest == digest)
    return _newest(connection, host, *where, acceptance.c.state.not_in(("active", "withdrawn")))


def _ended(connection: sa.Connection, host: int, sequence: int, *, digest: str) -> Optional[Row]:
    where = (acceptance.c.sequence == sequence - 1, acceptance.c.reverted == digest)
    return _newest(connection, host, *where, acceptance.c.state == "active")


def _newest(connection: sa.Connection, host: int, *where: sa.ColumnElement[bool]) -> Optional[Row]:
    query = sa.select(*_COLUMNS).join(schema.host, schema.host.c.id == acceptance.c.host)
    query = query.where(acceptance.c.host == host, *where).order_by(acceptance.c.id.desc()).limit(1)
    found = connection.execute(query).mappings().one_or_none()
    return None if found is None else Row(**found)


def _follow(connection: sa.Connection, host: int, bundle: Bundle, *, told: Mapping[str, str]) -> None:
    """The record of what this controller takes the host for moves with what was reviewed here."""
    baseline = {"sequence": bundle.baseline.sequence, "digest": bundle.baseline.digest}
    identity = {"machine_id": bundle.machine_id, "host_keys": canonical.dumps(bundle.host_keys).decode("ascii")}
    trust_store.follow(connection, host, row={**identity, **baseline, "how": "reviewed", **told})
