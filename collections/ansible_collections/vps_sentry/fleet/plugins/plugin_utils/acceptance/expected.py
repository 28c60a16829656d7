# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's baseline must be once it carried out its part of a plan: computed here, never asked from the host."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any, DefaultDict, Dict, Iterable, List, Mapping, Optional, Tuple

from .. import schema
from .._libraries import sa
from ..core import digest

Values = Mapping[Tuple[str, str], Any]
"""Check and key -> the value that becomes accepted, None where the item goes."""

_EMPTY = digest.digest([])


class Expectation:
    """Digests of baselines after plans, on one connection; what several hosts share is computed once."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._buckets: Dict[int, Tuple[str, ...]] = {}
        self._items: Dict[str, Dict[str, Any]] = {}
        self._roots: Dict[Tuple[Optional[int], str], str] = {}

    def digest(self, accepted: Optional[int], values: Values, *, checks: Iterable[str], norm: int) -> str:
        """The digest after ``values`` are accepted over state ``accepted`` (None: no baseline yet).

        ``checks`` are those that become part of the baseline, whether or not they have an item.
        """
        roots = {} if accepted is None else self._state(accepted)
        changes: DefaultDict[str, Dict[str, Any]] = defaultdict(dict)
        for (check, key), value in values.items():
            changes[check][key] = value
        known = {} if accepted is None else self._names(roots)
        for check in {*checks, *changes}:
            known[check] = self._moved(roots.get(check), changes.get(check, {}))
        return digest.total(known, norm=norm)

    def _moved(self, root: Optional[int], changes: Mapping[str, Any]) -> str:
        """The root of a check after ``changes``; only the buckets they lie in are opened."""
        place = (root, digest.digest(dict(changes)))
        if place not in self._roots:
            buckets = list((_EMPTY,) * digest.BUCKETS if root is None else self._digests(root))
            for number, part in _by_bucket(changes).items():
                items = {**self._content(buckets[number]), **part}
                left = sorted((key, value) for key, value in items.items() if value is not None)
                buckets[number] = digest.digest([[key, value] for key, value in left])
            self._roots[place] = digest.root_of(tuple(buckets))
        return self._roots[place]

    def _state(self, state: int) -> Dict[str, int]:
        table = schema.state_check.c
        query = sa.select(table.check_name, table.root).where(table.state == state)
        return {row.check_name: row.root for row in self._connection.execute(query)}

    def _names(self, roots: Mapping[str, int]) -> Dict[str, str]:
        return {check: digest.root_of(self._digests(root)) for check, root in roots.items()}

    def _digests(self, root: int) -> Tuple[str, ...]:
        if root not in self._buckets:
            table = schema.root_bucket.c
            query = (
                sa.select(schema.bucket.c.digest)
                .join(schema.root_bucket, table.bucket == schema.bucket.c.id)
                .where(table.root == root)
                .order_by(table.number)
            )
            self._buckets[root] = tuple(f"sha256:{raw.hex()}" for raw in self._connection.scalars(query))
        return self._buckets[root]

    def _content(self, bucket: str) -> Dict[str, Any]:
        if bucket not in self._items:
            item, link = schema.item.c, schema.bucket_item.c
            query = (
                sa.select(item.key, item.value)
                .join(schema.bucket_item, link.item == item.id)
                .join(schema.bucket, schema.bucket.c.id == link.bucket)
                .where(schema.bucket.c.digest == bytes.fromhex(bucket[len("sha256:") :]))
            )
            self._items[bucket] = {row.key: json.loads(row.value) for row in self._connection.execute(query)}
        return self._items[bucket]


def _by_bucket(changes: Mapping[str, Any]) -> Dict[int, Dict[str, Any]]:
    found: DefaultDict[int, Dict[str, Any]] = defaultdict(dict)
    for key, value in changes.items():
        found[digest.bucket_number(key)][key] = value
    return found


def checks_of(items: Iterable[Tuple[str, str, Optional[str], Optional[str]]]) -> List[str]:
    """The checks of which a plan's items speak, each once."""
    return sorted({check for check, _key, _before, _after in items})
