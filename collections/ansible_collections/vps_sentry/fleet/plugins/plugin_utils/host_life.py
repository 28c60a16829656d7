# SPDX-License-Identifier: GPL-3.0-or-later
"""What people decide about a host: retired, renamed, reinstalled, adopted as it is. Each with who, when and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List

from . import schema, trust, trust_store
from ._libraries import sa
from .acceptance import log

_TAKEN = ("machine_id", "host_keys", "sequence", "digest", "agent_digest")
"""What of the last snapshot becomes the record."""


class LifeError(Exception):
    """It cannot be done; the message says why and what can."""


@dataclass(frozen=True)
class Decision:
    """Who decided, when (RFC 3339 UTC) and why."""

    by: str
    at: str
    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip() or not self.reason.isprintable():
            raise LifeError("say why with --reason, in one printable line")


def retire(connection: sa.Connection, name: str, *, decision: Decision) -> None:
    """No longer asked for, compared or missed; its history stays. Collecting it again makes it active again."""
    host = _host(connection, name)
    values = {"retired_at": decision.at, "retired_reason": decision.reason}
    connection.execute(sa.update(schema.host).where(schema.host.c.id == host).values(values))
    trust_store.clear(connection, host, at=decision.at, by=decision.by, reason=f"retired: {decision.reason}")
    _note(connection, host, "retired", decision=decision, entry={"host": name})


def reinstalled(connection: sa.Connection, name: str, *, decision: Decision) -> None:
    """The record starts anew: what the host says at its next collect is adopted. Its history stays."""
    host = _host(connection, name)
    connection.execute(sa.delete(schema.trusted).where(schema.trusted.c.host == host))
    # The runs of a new installation count from 1 again, so the last snapshot is no longer its predecessor.
    connection.execute(sa.update(schema.host).where(schema.host.c.id == host).values(head=None))
    trust_store.clear(connection, host, at=decision.at, by=decision.by, reason=f"reinstalled: {decision.reason}")
    _note(connection, host, "reinstalled", decision=decision, entry={"host": name})


def adopt(connection: sa.Connection, name: str, *, decision: Decision) -> int:
    """The record becomes what the host said last, and the doubts about it are closed; how many there were."""
    host = _host(connection, name)
    last = connection.execute(
        sa.select(*(schema.snapshot.c[column] for column in _TAKEN), schema.snapshot.c.observed)
        .join(schema.host, schema.host.c.head == schema.snapshot.c.id)
        .where(schema.host.c.id == host)
    ).one_or_none()
    if last is None:
        raise LifeError(f"{name} has not been collected yet: there is nothing to adopt")
    since = {"since": decision.at, "by": decision.by, "reason": decision.reason, "how": trust_store.ADOPTED}
    value = trust_store.value_of(connection, last.observed, check=trust.AGENT, key=trust.TIMER)
    said = {column: last._mapping[column] for column in _TAKEN}
    said["timer"] = None if value is None else trust.timer_state(None, value)
    trust_store.follow(connection, host, row={**said, **since})
    kept = {column: said[column] for column in ("sequence", "digest", "agent_digest")}
    _note(connection, host, "adopted", decision=decision, entry={"host": name, **kept})
    return trust_store.clear(connection, host, at=decision.at, by=decision.by, reason=f"adopted: {decision.reason}")


def rename(connection: sa.Connection, old: str, *, new: str, decision: Decision) -> None:
    """``old`` is called ``new`` in the inventory from now on. What was collected under ``new`` already joins it."""
    if not new or not new.isprintable():
        raise LifeError("a host's name is printable")
    host, table = _host(connection, old), schema.host
    other = connection.execute(sa.select(table.c.id, table.c.head).where(table.c.name == new)).one_or_none()
    if other is not None:
        if _machine(connection, host) != _machine(connection, other.id):
            raise LifeError(f"{new} is another machine, by its machine-id: retire one of them")
        _join(connection, host, other.id)
        if other.head is not None:
            connection.execute(sa.update(table).where(table.c.id == host).values(head=other.head))
    connection.execute(sa.update(table).where(table.c.id == host).values(name=new, absent_since=None))
    told = Decision(decision.by, decision.at, f"{old}: {decision.reason}")
    _note(connection, host, "renamed", decision=told, entry={"host": new, "before": old})


def _join(connection: sa.Connection, host: int, other: int) -> None:
    """Everything of ``other`` becomes ``host``'s; a clone was all that could be held against either."""
    connection.execute(sa.update(schema.host).where(schema.host.c.id == other).values(head=None))
    for table in (schema.snapshot, schema.trust_finding, schema.event):
        connection.execute(sa.update(table).where(table.c.host == other).values(host=host))
    doubts = schema.trust_finding
    connection.execute(sa.delete(doubts).where(doubts.c.host == host, doubts.c.code == "clone"))
    connection.execute(sa.delete(schema.trusted).where(schema.trusted.c.host == other))
    connection.execute(sa.delete(schema.host).where(schema.host.c.id == other))


def _machine(connection: sa.Connection, host: int) -> str:
    table = schema.trusted.c
    return connection.scalar(sa.select(table.machine_id).where(table.host == host)) or ""


def _host(connection: sa.Connection, name: str) -> int:
    found = connection.scalar(sa.select(schema.host.c.id).where(schema.host.c.name == name))
    if found is None:
        raise LifeError(f"there is no host {name}; see vps-sentry-fleet hosts")
    return int(found)


def _note(connection: sa.Connection, host: int, what: str, *, decision: Decision, entry: Dict[str, Any]) -> None:
    """Beside the host, and as ``entry`` in the audit log, where it cannot be taken back unseen."""
    log.add(connection, what, at=decision.at, who=decision.by, reason=decision.reason, **entry)
    row = {"host": host, "at": decision.at, "what": what, "by": decision.by, "reason": decision.reason}
    connection.execute(sa.insert(schema.event), row)


def events(connection: sa.Connection, name: str) -> List[Dict[str, str]]:
    """What people decided about a host, oldest first."""
    table = schema.event.c
    query = sa.select(table.at, table.what, table.by, table.reason).where(table.host == _host(connection, name))
    return [dict(row) for row in connection.execute(query.order_by(table.id)).mappings()]
