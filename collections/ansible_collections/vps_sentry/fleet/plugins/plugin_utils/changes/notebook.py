# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of changes in the store: the last of each path on each host, for a month."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import DefaultDict, Dict, FrozenSet, Iterable, Mapping, Optional, Tuple

from .. import schema
from .._libraries import sa
from ..core import canonical
from ..core.clock import epoch, rfc3339
from .record import Entry, Origin, Record, merged

LIFETIME = 30 * 24 * 3600
"""Seconds for which a record explains; by then the drift it stands for was accepted, or looked at."""
_TABLE = schema.change_record
Records = Mapping[str, Mapping[str, Record]]
"""Host -> path -> what is known of it."""


def save(connection: sa.Connection, entries: Iterable[Entry], *, at: str) -> FrozenSet[str]:
    """Add ``entries`` to what is known, oldest first. Returns the hosts that the store does not know."""
    table, host = _TABLE.c, schema.host.c
    connection.execute(sa.delete(_TABLE).where(table.at < _oldest(at)))
    ids = {row.name: row.id for row in connection.execute(sa.select(host.name, host.id))}
    found: Dict[Tuple[int, str], Record] = {}
    for one in entries:
        if one.host in ids:
            place = (ids[one.host], one.change.path)
            known = found[place] if place in found else _of(connection, place)
            found[place] = merged(known, one.change, origin=one.origin)
    for (number, path), record in found.items():
        connection.execute(sa.delete(_TABLE).where(table.host == number, table.path == path))
        connection.execute(sa.insert(_TABLE), {"host": number, "path": path, **_row(record)})
    return frozenset(one.host for one in entries if one.host not in ids)


def records(connection: sa.Connection, *, at: str) -> Records:
    """Those that still explain at the time ``at``, RFC 3339 UTC."""
    found: DefaultDict[str, Dict[str, Record]] = defaultdict(dict)
    query = sa.select(schema.host.c.name.label("name"), _TABLE).join(schema.host, schema.host.c.id == _TABLE.c.host)
    for row in connection.execute(query.where(_TABLE.c.at >= _oldest(at))):
        found[row.name][row.path] = _read(row)
    return found


def _of(connection: sa.Connection, place: Tuple[int, str]) -> Optional[Record]:
    query = sa.select(_TABLE).where(_TABLE.c.host == place[0], _TABLE.c.path == place[1])
    row = connection.execute(query).one_or_none()
    return None if row is None else _read(row)


def _oldest(at: str) -> str:
    return rfc3339(epoch(at) - LIFETIME)


def _row(record: Record) -> Dict[str, str]:
    asked, told = (canonical.dumps(dict(fields)).decode("ascii") for fields in (record.asked, record.told))
    return {"asked": asked, "told": told, **vars(record.origin)}


def _read(row: sa.Row[Tuple[object, ...]]) -> Record:
    origin = Origin(*(getattr(row, name) for name in Origin.__dataclass_fields__))
    return Record(json.loads(row.asked), json.loads(row.told), origin)
