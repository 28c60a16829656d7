# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison by brute force, host x item, written without a look at how the store does it."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Tuple

from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.compare import Finding, Level, Variant
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.scope import scope, severity
from support.fleet import Items
from vps_sentry.core import canonical

Fleet = Mapping[str, Mapping[str, Items]]
"""Host -> check -> items."""


def brute_force(cohort: str, fleet: Fleet, *, size: int) -> List[Finding]:
    """Every item of every host, looked at one by one."""
    found = []
    for check in sorted({check for checks in fleet.values() for check in checks}):
        voters = [host for host in fleet if check in fleet[host]]
        for key in sorted({key for host in voters for key in fleet[host][check]}):
            votes: Dict[Optional[str], List[str]] = {}
            for host in sorted(voters):
                votes.setdefault(_text(fleet[host][check].get(key)), []).append(host)
            if len(votes) > 1 and scope(check, key) == "shared":
                found.append(_finding((cohort, check, key), votes, size=size))
    return found


def _text(value: Optional[Mapping[str, object]]) -> Optional[str]:
    return None if value is None else canonical.dumps(value).decode()


def _finding(place: Tuple[str, str, str], votes: Dict[Optional[str], List[str]], *, size: int) -> Finding:
    cohort, check, key = place
    total = sum(len(hosts) for hosts in votes.values())
    order = sorted(votes, key=lambda value: (-len(votes[value]), value is not None, value or ""))
    top = len(votes[order[0]])
    level: Level = "no quorum"
    if total >= 4 and total / size >= 2 / 3 - 1e-9:
        level = "strong" if top / total >= 0.8 and top >= 4 else "majority" if top / total > 0.5 else "split"
    agreed = level in ("strong", "majority")
    tie = len(votes[order[1]]) == top
    return Finding(
        cohort,
        check,
        key,
        level,
        severity(check, key, values=votes),
        total,
        tuple(Variant(v, len(votes[v]), () if agreed and v == order[0] else tuple(votes[v])) for v in order),
        tuple(sorted(host for value in order for host in votes[value] if tie or value != order[0])),
    )
