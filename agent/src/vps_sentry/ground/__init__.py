# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of the agent stands on: its process, its units' drop-ins and timer, the Python that carries it."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple

from ..core.model import Value
from ..host import Host
from . import process, python, units


class Ground(NamedTuple):
    """Items, key prefixes that this look could not see below, and what the next one must know."""

    items: Dict[str, Value]
    blind: List[str]
    memory: Dict[str, Any]


def look(host: Host, before: Mapping[str, Any], *, record: bytes, full: bool) -> Ground:
    """``before`` is the memory of the last look, ``record`` what was installed outside of the release.

    Raises OSError or CollectError where /proc or the units cannot be read.
    """
    own, kept = process.look(host, before.get("process", {}))
    loaded = python.look(host, before.get("python", {}), full=full)
    items = {**own, **units.items(host, record), **loaded.items}
    return Ground(items, loaded.blind, {"process": kept, "python": loaded.memory})
