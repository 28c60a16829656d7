# SPDX-License-Identifier: GPL-3.0-or-later
"""Doubts about hosts as rows: opened once, refreshed while they last, closed by their end or by a person."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Dict, Iterable, Iterator, List, Optional, Tuple

from . import releases, schema, trust
from ._libraries import sa
from .core import canonical
from .core.bundle import Bundle
from .core.digest import bucket_number
from .core.model import Severity
from .trust import Doubt, Last, Record

ADOPTED = "adopted"
_LINK = schema.state_check
HERSELF = "vps-sentry-fleet"
"""Who closes what ends by itself."""


@dataclass(frozen=True)
class Moment:
    """When a bundle came (the controller's time), what the host said before it, and whether it was just asked for."""

    at: str
    before: Optional[Last]
    asked: bool


@dataclass(frozen=True)
class Standing:
    """A doubt that stands."""

    host: str
    code: str
    severity: Severity
    subject: str
    detail: str
    votes: bool
    """Whether the host keeps its vote in spite of it."""
    first_seen: str
    last_seen: str


def weigh(
    connection: sa.Connection, host: int, *, bundle: Bundle, states: Tuple[int, Optional[int]], moment: Moment
) -> None:
    """Judge a bundle against the record of its host and keep what comes out. First contact adopts."""
    record = record_of(connection, host)
    if record is None:
        doubts = _first_contact(connection, host, bundle=bundle, at=moment.at)
    else:
        doubts = _again(connection, host, bundle=bundle, record=record)
        if not any(not doubt.votes for doubt in doubts) and moment.before is not None:
            observed, accepted = states
            broken = trust.about_runs(moment.before, bundle, observed=observed, accepted=accepted)
            doubts += [broken] if broken else []
    if not any(doubt.code == "identity_changed" for doubt in doubts):
        doubts += _about_agent(connection, host, bundle=bundle, observed=states[0], at=moment.at)
    if moment.asked:
        doubts += trust.about_age(bundle, at=moment.at, last=moment.before)
    keep(connection, host, doubts=doubts, at=moment.at)


def _first_contact(connection: sa.Connection, host: int, *, bundle: Bundle, at: str) -> List[Doubt]:
    others = _same_machine(connection, bundle.machine_id, host)
    adopt(connection, host, bundle=bundle, at=at)
    clone = trust.about_clones(bundle, dict(others.values()), at=at)
    if clone is None:
        return []
    for other in others:
        keep(connection, other, doubts=[clone], at=at, ending=False)
    return [clone]


def _again(connection: sa.Connection, host: int, *, bundle: Bundle, record: Record) -> List[Doubt]:
    others: Iterable[Tuple[str, str]] = ()
    if bundle.machine_id != record.machine_id:
        others = _same_machine(connection, bundle.machine_id, host).values()
    identity = trust.about_identity(record, bundle, others=(name for name, _since in others))
    if identity is not None and not identity.votes:
        # Whatever else differs is another machine's: one doubt, not five.
        return [identity]
    if record.digest is None and bundle.baseline.digest is not None:
        _follow_first_baseline(connection, host, bundle)
    return [doubt for doubt in (identity, trust.about_baseline(record, bundle)) if doubt is not None]


def _about_agent(connection: sa.Connection, host: int, *, bundle: Bundle, observed: int, at: str) -> Iterator[Doubt]:
    """Release and timer of the agent. Where nothing of weight is to be said, the record follows the host."""
    record = record_of(connection, host)
    if record is None:
        return
    about_release = trust.about_agent(record.agent_digest, bundle, installed=releases.installed)
    if about_release is not None:
        yield about_release
    if (about_release is None or about_release.votes) and bundle.agent_digest != record.agent_digest:
        follow(connection, host, row={"agent_digest": bundle.agent_digest})
        if about_release is None:
            _close(connection, _is(host, "agent_unknown"), at=at, by=HERSELF, reason="installed from here")
    value = value_of(connection, observed, check=trust.AGENT, key=trust.TIMER)
    state = trust.timer_state(bundle.checks.get(trust.AGENT), value)
    about_timer = trust.about_timer(record.timer, state)
    if about_timer is not None:
        yield about_timer
    elif value is not None and state != record.timer:
        follow(connection, host, row={"timer": state})


def _is(host: int, code: str) -> sa.ColumnElement[bool]:
    table = schema.trust_finding.c
    return sa.and_(table.host == host, table.code == code)


def value_of(connection: sa.Connection, state: int, *, check: str, key: str) -> Optional[str]:
    """The value (canonical JSON) of one item of a state; None when it has none of that name."""
    item, member, place, link = (table.c for table in (schema.item, schema.bucket_item, schema.root_bucket, _LINK))
    query = (
        sa.select(item.value)
        .join(schema.bucket_item, member.item == item.id)
        .join(schema.root_bucket, place.bucket == member.bucket)
        .join(_LINK, link.root == place.root)
        .where(link.state == state, link.check_name == check)
        .where(place.number == bucket_number(key), item.key == key)
    )
    return connection.scalar(query)


def _follow_first_baseline(connection: sa.Connection, host: int, bundle: Bundle) -> None:
    values = {"sequence": bundle.baseline.sequence, "digest": bundle.baseline.digest}
    connection.execute(sa.update(schema.trusted).where(schema.trusted.c.host == host).values(values))


def adopt(connection: sa.Connection, host: int, *, bundle: Bundle, at: str) -> None:
    """Take a host for what it says at first contact: recorded as adopted, not as reviewed."""
    row = {
        "machine_id": bundle.machine_id,
        "host_keys": canonical.dumps(bundle.host_keys).decode("ascii"),
        "sequence": bundle.baseline.sequence,
        "digest": bundle.baseline.digest,
    }
    reason = {"how": ADOPTED, "since": at, "by": HERSELF, "reason": "first contact"}
    connection.execute(sa.insert(schema.trusted), {"host": host, **row, **reason})


def record_of(connection: sa.Connection, host: int) -> Optional[Record]:
    """What the controller takes a host for; None before first contact."""
    table = schema.trusted.c
    names = (table.machine_id, table.host_keys, table.sequence, table.digest, table.since)
    query = sa.select(*names, table.agent_digest, table.timer).where(table.host == host)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else Record(**{**row, "host_keys": tuple(json.loads(row["host_keys"]))})


def _same_machine(connection: sa.Connection, machine_id: str, host: int) -> Dict[int, Tuple[str, str]]:
    """Other active hosts recorded with this machine-id: id -> name, known since."""
    table, known = schema.trusted.c, schema.host.c
    query = (
        sa.select(table.host, known.name, table.since)
        .join(schema.host, known.id == table.host)
        .where(table.machine_id == machine_id, table.host != host, known.retired_at.is_(None))
    )
    return {row.host: (row.name, row.since) for row in connection.execute(query)}


def keep(connection: sa.Connection, host: int, *, doubts: Iterable[Doubt], at: str, ending: bool = True) -> None:
    """Open or refresh ``doubts``; with ``ending`` those that pass by themselves and are not among them end."""
    table = schema.trust_finding
    standing = (table.c.host == host, table.c.cleared_at.is_(None))
    query = sa.select(table.c.id, table.c.code, table.c.subject).where(*standing)
    known = {(row.code, row.subject): row.id for row in connection.execute(query)}
    found = {(doubt.code, doubt.subject): doubt for doubt in doubts}
    for place, doubt in found.items():
        values = {"severity": doubt.severity, "detail": doubt.detail, "votes": doubt.votes, "last_seen": at}
        if place in known:
            connection.execute(sa.update(table).where(table.c.id == known[place]).values(values))
        else:
            row = {"host": host, "code": doubt.code, "subject": doubt.subject, "first_seen": at, **values}
            connection.execute(sa.insert(table), row)
    gone = [row for place, row in known.items() if place not in found and place[0] in trust.PASSING]
    if ending and gone:
        _close(connection, table.c.id.in_(gone), at=at, by=HERSELF, reason="it is no longer so")


def _close(connection: sa.Connection, where: sa.ColumnElement[bool], *, at: str, by: str, reason: str) -> int:
    values = {"cleared_at": at, "cleared_by": by, "cleared_reason": reason}
    table = schema.trust_finding
    return connection.execute(sa.update(table).where(table.c.cleared_at.is_(None), where).values(values)).rowcount


def clear(connection: sa.Connection, host: int, *, at: str, by: str, reason: str) -> int:
    """Close every doubt about a host, as a person decided; how many there were.

    The caller moves the record (``follow``), else what still differs is doubted again at the next collect.
    """
    return _close(connection, schema.trust_finding.c.host == host, at=at, by=by, reason=reason)


def follow(connection: sa.Connection, host: int, *, row: Dict[str, object]) -> None:
    """Write the record of a host anew; ``row`` holds columns of ``trusted``."""
    table = schema.trusted
    if not connection.execute(sa.update(table).where(table.c.host == host).values(row)).rowcount:
        connection.execute(sa.insert(table), {"host": host, **row})


def standing(connection: sa.Connection) -> List[Standing]:
    """Every doubt that stands about an active host, by host and code."""
    table, known = schema.trust_finding.c, schema.host.c
    query = (
        sa.select(
            *(known.name.label("host"), table.code, table.severity, table.subject, table.detail),
            *(table.votes, table.first_seen, table.last_seen),
        )
        .join(schema.host, known.id == table.host)
        .where(table.cleared_at.is_(None), known.retired_at.is_(None))
        .order_by(known.name, table.code, table.subject)
    )
    return [Standing(**row) for row in connection.execute(query).mappings()]
