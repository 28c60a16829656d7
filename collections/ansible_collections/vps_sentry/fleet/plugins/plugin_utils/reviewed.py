# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody reviewed here: the items that active acceptances of this controller name, nothing a host accepted."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Dict, FrozenSet, Mapping, Optional, Tuple

from . import schema
from ._libraries import sa

Item = Tuple[str, str, Optional[str]]
"""Check, key, and digest of the value; None = reviewed as absent."""


def reviewed(connection: sa.Connection) -> Mapping[str, FrozenSet[Item]]:
    """Host -> the items that were accepted for it by a plan; of the same item the later plan counts."""
    host, acceptance = schema.host.c, schema.acceptance.c
    query = (
        sa.select(host.name, acceptance.order)
        .join(schema.host, host.id == acceptance.host)
        .where(acceptance.state == "active")
        .order_by(acceptance.id)
    )
    found: Dict[str, Dict[Tuple[str, str], Optional[str]]] = {}
    for name, order in connection.execute(query):
        plan = json.loads(order)["plan"] or {"items": ()}
        for check, key, _before, after in plan["items"]:
            found.setdefault(name, {})[check, key] = after
    return {name: frozenset((*place, after) for place, after in items.items()) for name, items in found.items()}


def named(items: FrozenSet[Item], check: str, *, key: str, value: Optional[str]) -> bool:
    """Whether the item with exactly this value (canonical JSON) is among them."""
    digest = None if value is None else f"sha256:{sha256(value.encode('ascii')).hexdigest()}"
    return (check, key, digest) in items
