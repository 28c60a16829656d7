# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log in the store: entries are added in the transaction of what they tell, never changed."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List, Optional

from .._libraries import sa
from ..core import canonical
from ..schema import audit
from . import chain
from .chain import Entry


def add(connection: sa.Connection, what: str, *, at: str, who: str, plan_id: str = "", **detail: Any) -> Entry:
    """One more entry. The caller's transaction holds the writer's place, so that no two have one number."""
    last = connection.execute(sa.select(audit.c.n, audit.c.head).order_by(audit.c.n.desc()).limit(1)).one_or_none()
    number, prev = (last.n + 1, last.head) if last else (1, chain.GENESIS)
    entry = Entry(number, prev, at, who, what, plan_id, detail)
    row = {"n": number, "prev": prev, "at": at, "who": who, "what": what, "plan_id": plan_id, "head": entry.head}
    connection.execute(sa.insert(audit), {**row, "detail": canonical.dumps(detail).decode("ascii")})
    return entry


def restore(connection: sa.Connection, entry: Entry) -> None:
    """Put an entry back that a lost store had; the caller has seen that the chain holds."""
    row = {name: getattr(entry, name) for name in ("n", "prev", "at", "who", "what", "plan_id", "head")}
    connection.execute(sa.insert(audit), {**row, "detail": canonical.dumps(entry.detail).decode("ascii")})


def head(connection: sa.Connection) -> str:
    """The head of the log."""
    found: Optional[str] = connection.scalar(sa.select(audit.c.head).order_by(audit.c.n.desc()).limit(1))
    return found or chain.GENESIS


def told(head: str) -> str:
    """The line that ends every message: whoever keeps messages can show later which log they came from."""
    return f"audit log: {head}"


def knows(connection: sa.Connection, some: str) -> bool:
    """Whether ``some`` is, or once was, the head of this log."""
    return some == chain.GENESIS or connection.scalar(sa.select(audit.c.n).where(audit.c.head == some)) is not None


def about(connection: sa.Connection, plan_id: str, *, what: str) -> Dict[str, Any]:
    """What the first entry of that kind about a plan holds; empty when there is none."""
    query = sa.select(audit.c.detail).where(audit.c.plan_id == plan_id, audit.c.what == what).order_by(audit.c.n)
    found = connection.scalar(query.limit(1))
    return {} if found is None else dict(json.loads(found))


def made_from(connection: sa.Connection, profile: str) -> List[str]:
    """The plans that were begun out of a profile, oldest first."""
    text = canonical.dumps({"profile": profile}).decode("ascii")[1:-1]
    query = sa.select(audit.c.plan_id).where(audit.c.what == "applying", audit.c.detail.contains(text, autoescape=True))
    return list(connection.scalars(query.order_by(audit.c.n)))


def entries(connection: sa.Connection) -> Iterator[Entry]:
    """Every entry, oldest first."""
    query = sa.select(audit).order_by(audit.c.n)
    for row in connection.execute(query):
        detail: Dict[str, Any] = json.loads(row.detail)
        yield Entry(row.n, row.prev, row.at, row.who, row.what, row.plan_id, detail)


def heads(connection: sa.Connection) -> List[str]:
    """The head recorded beside each entry, oldest first."""
    return list(connection.scalars(sa.select(audit.c.head).order_by(audit.c.n)))
