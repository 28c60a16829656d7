# SPDX-License-Identifier: GPL-3.0-or-later
"""Which SSH key opens which accounts of which hosts: the items of the check ``ssh_keys``, turned round."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Dict, List, Set, Tuple

from . import schema
from ._libraries import sa

CHECK = "ssh_keys"
_FINGERPRINT = ":SHA256:"


@dataclass(frozen=True)
class Key:
    """One key; ``opens`` holds host and account, ``comments`` what it is called, which nobody has checked."""

    fingerprint: str
    kinds: Tuple[str, ...]
    comments: Tuple[str, ...]
    restricted: bool
    """Whether something stands before it everywhere: from, command, restrict and the like."""
    opens: Tuple[Tuple[str, str], ...]

    @property
    def hosts(self) -> int:
        """On how many hosts it opens something."""
        return len({opened[0] for opened in self.opens})


def keys(connection: sa.Connection) -> List[Key]:
    """Every key that the last snapshots name; the one that opens most hosts first."""
    holders = _holders(connection)
    opens: Dict[str, Set[Tuple[str, str]]] = defaultdict(set)
    values: Dict[str, List[Dict[str, object]]] = defaultdict(list)
    for root, name, text in _items(connection, set(holders)):
        account, _mark, rest = name.partition(_FINGERPRINT)
        fingerprint = f"SHA256:{rest.partition(' ')[0]}"
        opens[fingerprint] |= {(host, account) for host in holders[root]}
        values[fingerprint].append(json.loads(text))
    found = [_key(name, values[name], tuple(sorted(opens[name]))) for name in opens]
    return sorted(found, key=lambda key: (-key.hosts, key.fingerprint))


def _key(fingerprint: str, values: List[Dict[str, object]], opens: Tuple[Tuple[str, str], ...]) -> Key:
    kinds, comments = (tuple(sorted({str(v[name]) for v in values if v.get(name)})) for name in ("type", "comment"))
    return Key(fingerprint, kinds, comments, all(value.get("options") for value in values), opens)


def _holders(connection: sa.Connection) -> Dict[int, List[str]]:
    """Root of the check -> active hosts that hold it."""
    host, snapshot, link = schema.host.c, schema.snapshot.c, schema.state_check.c
    query = (
        sa.select(link.root, host.name)
        .select_from(schema.host)
        .join(schema.snapshot, snapshot.id == host.head)
        .join(schema.state_check, link.state == snapshot.observed)
        .where(link.check_name == CHECK, host.retired_at.is_(None))
    )
    found: Dict[int, List[str]] = defaultdict(list)
    for root, name in connection.execute(query):
        found[root].append(name)
    return found


def _items(connection: sa.Connection, roots: Set[int]) -> List[Tuple[int, str, str]]:
    link, member, item = schema.root_bucket.c, schema.bucket_item.c, schema.item.c
    query = (
        sa.select(link.root, item.key, item.value)
        .select_from(schema.root_bucket)
        .join(schema.bucket_item, member.bucket == link.bucket)
        .join(schema.item, item.id == member.item)
        .where(item.key.contains(_FINGERPRINT))
        .where(link.root.in_(sa.select(schema.state_check.c.root).where(schema.state_check.c.check_name == CHECK)))
    )
    return [(root, key, value) for root, key, value in connection.execute(query) if root in roots]
