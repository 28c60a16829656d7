# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences that somebody wants for a while: a reason and a last day are part of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Collection, FrozenSet, List, Literal, Optional

from . import schema
from ._libraries import sa
from .acceptance import log
from .compare import Finding, Text

Place = Literal["host", "cohort", "fleet"]
ABSENT = "absent"


@dataclass(frozen=True)
class Waiver:
    """One waiver. Times are RFC 3339 UTC."""

    id: int
    check: str
    pattern: str
    """A key, or a glob over keys."""
    place: Place
    name: str
    """The host or cohort; empty for the whole fleet."""
    values: Optional[FrozenSet[str]]
    """Fingerprints of the values it covers; None for a glob: whatever its items hold."""
    reason: str
    by: str
    at: str
    expires: str

    def covers(self, finding: Finding, host: str, *, value: Text) -> bool:
        """Whether the finding's item on ``host`` is what was waived.

        What is critical is covered only by a waiver that names the very key and value (never by a glob).
        """
        here = {"host": host, "cohort": finding.cohort, "fleet": ""}[self.place]
        if finding.check != self.check or here != self.name:
            return False
        if self.values is not None:
            return finding.key == self.pattern and fingerprint(value) in self.values
        return finding.severity != "critical" and fnmatchcase(finding.key, self.pattern)


def fingerprint(value: Text) -> str:
    """16 hex digits that stand for a value."""
    return ABSENT if value is None else sha256(value.encode("ascii")).hexdigest()[:16]


def is_glob(pattern: str) -> bool:
    """Whether a pattern may mean several keys."""
    return any(char in pattern for char in "*?[")


def add(connection: sa.Connection, waiver: Waiver) -> int:
    """Keep a waiver (its ``id`` is not looked at), in the audit log too; the number it got."""
    row = {**vars(waiver), "check_name": waiver.check}
    row["waived"] = None if waiver.values is None else json.dumps(sorted(waiver.values))
    for name in ("id", "check", "values"):
        row.pop(name)
    added = connection.execute(sa.insert(schema.waiver).values(**row).returning(schema.waiver.c.id))
    number = int(added.scalar_one())
    told = {name: row[name] for name in ("check_name", "pattern", "place", "name", "waived", "reason", "expires")}
    log.add(connection, "waived", at=waiver.at, who=waiver.by, waiver=number, **told)
    return number


def end(connection: sa.Connection, number: int, *, at: str, by: str) -> bool:
    """Let a waiver hold no longer; whether there was one that did."""
    table = schema.waiver
    still = sa.and_(table.c.id == number, table.c.expires > at)
    ended = connection.execute(sa.update(table).where(still).values(expires=at)).rowcount == 1
    if ended:
        log.add(connection, "waiver ended", at=at, who=by, waiver=number)
    return ended


def holding(connection: sa.Connection, *, at: str) -> List[Waiver]:
    """The waivers that hold at that time, by number."""
    table = schema.waiver
    rows = connection.execute(sa.select(table).where(table.c.expires > at).order_by(table.c.id))
    return [_waiver(row._asdict()) for row in rows]


def pinned(values: Collection[Text]) -> FrozenSet[str]:
    """The fingerprints a waiver of a single key covers."""
    return frozenset(fingerprint(value) for value in values)


def _waiver(row: dict[str, object]) -> Waiver:
    values = row.pop("waived")
    row["check"] = row.pop("check_name")
    return Waiver(values=None if values is None else frozenset(json.loads(str(values))), **row)  # type: ignore[arg-type]
