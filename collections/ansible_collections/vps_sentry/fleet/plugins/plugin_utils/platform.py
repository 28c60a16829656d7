# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a cohort that hosts say themselves: operating system, its major version, and architecture.

As of the last acceptance (docs/contracts.md section 11): a host that calls itself something else meanwhile stays where
it is and differs there. Only a host without a baseline is taken at its word.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from typing import Dict, Iterable, List, Mapping, Optional

from . import schema
from ._libraries import sa
from .roster import HostRow

CHECK = "system"
_CHUNK = 500


def placed(
    connection: sa.Connection, rows: Iterable[HostRow], *, roots: Mapping[int, Mapping[str, int]]
) -> List[HostRow]:
    """The hosts with their whole cohort. ``roots``: state -> check -> root."""
    rows = list(rows)
    chosen = {row.name: _root(row, roots) for row in rows}
    names = _names(connection, {root for root in chosen.values() if root is not None})
    return [replace(row, cohort=f"{row.cohort}{names.get(chosen[row.name] or 0, '')}") for row in rows]


def _root(row: HostRow, roots: Mapping[int, Mapping[str, int]]) -> Optional[int]:
    states = (roots.get(state, {}) for state in (row.accepted, row.observed) if state is not None)
    return next((held[CHECK] for held in states if CHECK in held), None)


def _names(connection: sa.Connection, roots: Iterable[int]) -> Dict[int, str]:
    """Root of the check -> ``/debian-12/x86_64``."""
    wanted = sorted(roots)
    found: Dict[int, Dict[str, Dict[str, str]]] = defaultdict(dict)
    link, member, item = schema.root_bucket, schema.bucket_item, schema.item
    for start in range(0, len(wanted), _CHUNK):
        query = (
            sa.select(link.c.root, item.c.key, item.c.value)
            .join(member, member.c.bucket == link.c.bucket)
            .join(item, item.c.id == member.c.item)
            .where(link.c.root.in_(wanted[start : start + _CHUNK]))
        )
        for root, key, value in connection.execute(query):
            found[root][key] = json.loads(value)
    return {root: _name(items) for root, items in found.items()}


def _name(items: Mapping[str, Mapping[str, str]]) -> str:
    system = items.get("os", {})
    words = ["-".join(str(system[name]) for name in ("id", "major") if system.get(name))]
    words.append(str(items.get("architecture", {}).get("machine", "")))
    return "".join(f"/{word}" for word in words if word)
