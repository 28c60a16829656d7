# SPDX-License-Identifier: GPL-3.0-or-later
"""New SSH keys and new logins as the hosts' alerts told of them, kept beyond the alert: who came from where, and when.

The same new key or address on several hosts within minutes is how somebody who moves through a fleet looks.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Dict, Iterable, Iterator, List, Literal, Optional, Sequence, Tuple

from . import schema
from ._libraries import sa
from .core.model import Alert
from .limits import show

Kind = Literal["key", "address"]
WITHIN = timedelta(minutes=15)
"""Hosts look every five minutes, give or take a clock that is off."""
SEVERAL = 2

_LOGIN = "login "
_ABSENT = "-"
_FINGERPRINT = "SHA256:"
_LOGIN_CODES = frozenset({"ssh_first_login", "login_other", "session_without_login"})
_KEY_CODE = "ssh_key_added"


@dataclass(frozen=True)
class Sighting:
    """One key that was put on a host, or one way somebody logged in there. Times are the host's, RFC 3339 UTC."""

    host: str
    kind: Kind
    subject: str
    """The key's fingerprint, or the address network; empty where nobody knows it."""
    account: str
    how: str
    """Of a login: method and key."""
    first_seen: str
    last_seen: str
    standing: bool
    """Whether its alert still stands on the host."""


@dataclass(frozen=True)
class Wave:
    """The same new key or address on several hosts within WITHIN."""

    kind: Kind
    subject: str
    hosts: Tuple[str, ...]
    accounts: Tuple[str, ...]
    begin: str
    end: str


def note(connection: sa.Connection, host: int, *, alerts: Iterable[Alert]) -> None:
    """Keep what the alerts of a bundle say about keys and logins; what they no longer say stands no longer."""
    table = schema.sighting
    mine = table.c.host == host
    connection.execute(sa.update(table).where(mine, table.c.standing.is_(True)).values(standing=False))
    for alert in alerts:
        seen = _of(alert)
        if seen is None:
            continue
        place = sa.and_(mine, *(table.c[name] == value for name, value in seen.items()))
        times = {"last_seen": alert.last_seen, "standing": alert.state != "resolved"}
        if not connection.execute(sa.update(table).where(place).values(**times)).rowcount:
            connection.execute(sa.insert(table).values(host=host, first_seen=alert.first_seen, **seen, **times))


def _of(alert: Alert) -> Optional[Dict[str, str]]:
    if alert.code == _KEY_CODE and f":{_FINGERPRINT}" in alert.key:
        account, _mark, fingerprint = alert.key.partition(f":{_FINGERPRINT}")
        return {"kind": "key", "subject": _FINGERPRINT + fingerprint.partition(" ")[0], "account": account, "how": ""}
    if alert.code in _LOGIN_CODES and alert.key.startswith(_LOGIN) and alert.key.count(" ") >= 4:
        # From the right: what an account is called is the host's business.
        account, network, method, key = alert.key[len(_LOGIN) :].rsplit(" ", 3)
        how = method if key == _ABSENT else f"{method} {key}"
        return {"kind": "address", "subject": "" if network == _ABSENT else network, "account": account, "how": how}
    return None


def seen(connection: sa.Connection, kind: Optional[Kind] = None) -> List[Sighting]:
    """Everything kept of active hosts, the newest first."""
    table, host = schema.sighting, schema.host
    names = ("kind", "subject", "account", "how", "first_seen", "last_seen", "standing")
    query = sa.select(host.c.name.label("host"), *(table.c[name] for name in names)).join(
        host, host.c.id == table.c.host
    )
    query = query.where(host.c.retired_at.is_(None)).order_by(table.c.first_seen.desc(), host.c.name, table.c.account)
    if kind is not None:
        query = query.where(table.c.kind == kind)
    return [Sighting(**row) for row in connection.execute(query).mappings()]


def waves(sightings: Iterable[Sighting]) -> List[Wave]:
    """The waves among what still stands, one for each key or address."""
    together: Dict[Tuple[Kind, str], List[Sighting]] = defaultdict(list)
    for one in sightings:
        if one.standing and one.subject:
            together[one.kind, one.subject].append(one)
    return [wave for kind, subject in sorted(together) for wave in _waves(together[kind, subject])]


def _waves(members: Sequence[Sighting]) -> Iterator[Wave]:
    """The largest stretch of WITHIN that several hosts fall into."""
    ordered = sorted(members, key=lambda one: one.first_seen)
    stretches = [[one for one in ordered if _follows(first, one)] for first in ordered]
    best = max(stretches, key=lambda stretch: len({one.host for one in stretch}))
    hosts = tuple(sorted({one.host for one in best}))
    if len(hosts) >= SEVERAL:
        accounts = tuple(sorted({one.account for one in best}))
        yield Wave(best[0].kind, best[0].subject, hosts, accounts, best[0].first_seen, best[-1].first_seen)


def _follows(first: Sighting, one: Sighting) -> bool:
    return timedelta() <= _time(one.first_seen) - _time(first.first_seen) <= WITHIN


def _time(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        # A host that writes no time takes part in no wave but its own.
        return datetime.strptime("1970-01-01T00:00:00Z", "%Y-%m-%dT%H:%M:%S%z")


def told(wave: Wave) -> str:
    """``new key SHA256:... on 3 hosts within 4 minutes``, without the hosts' names."""
    minutes = round((_time(wave.end) - _time(wave.begin)).total_seconds() / 60)
    what = "new key" if wave.kind == "key" else "first logins from"
    accounts = ", ".join(show(account) for account in wave.accounts[:5])
    return f"{what} {show(wave.subject)} on {len(wave.hosts)} hosts within {max(minutes, 1)} min ({accounts})"
