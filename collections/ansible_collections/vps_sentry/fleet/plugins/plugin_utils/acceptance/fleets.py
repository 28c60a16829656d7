# SPDX-License-Identifier: GPL-3.0-or-later
"""Of which fleet the hosts are by their own configuration: a host refuses every plan that names another one."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Dict, Iterable, List, Mapping, Optional

from .. import schema
from .._libraries import sa
from ..core.digest import bucket_number
from ..limits import show
from .drafting import Candidate
from .planfile import PlanError

_CHECK, _KEY = "configuration", "accept.fleet_id"
_LONGEST = 64
_REMEDY = "say which one this store keeps: vps_sentry_fleet_id, or --fleet-id"


def said(connection: sa.Connection) -> Dict[str, str]:
    """Host -> the fleet that the configuration in its last snapshot names; hosts that name none are left out."""
    host, shot, link = schema.host.c, schema.snapshot.c, schema.state_check.c
    place, member, item = schema.root_bucket.c, schema.bucket_item.c, schema.item.c
    query = (
        sa.select(host.name, item.value)
        .join(schema.snapshot, shot.id == host.head)
        .join(schema.state_check, link.state == shot.observed)
        .join(schema.root_bucket, place.root == link.root)
        .join(schema.bucket_item, member.bucket == place.bucket)
        .join(schema.item, item.id == member.item)
        .where(host.retired_at.is_(None), link.check_name == _CHECK)
        .where(place.number == bucket_number(_KEY), item.key == _KEY)
    )
    found = {row.name: _name(row.value) for row in connection.execute(query)}
    return {name: fleet for name, fleet in found.items() if fleet is not None}


def _name(value: str) -> Optional[str]:
    """The option's value, which the item holds as JSON text; None for what can be no name of a fleet."""
    try:
        found = json.loads(json.loads(value)["value"])
    except (ValueError, LookupError, TypeError):
        return None
    return found if type(found) is str and 0 < len(found) <= _LONGEST and found.isprintable() else None


def most_named(told: Mapping[str, str], *, believed: Iterable[str]) -> Optional[str]:
    """The fleet that most of the ``believed`` hosts name, None where none names one. Raises PlanError on a draw.

    The others do not stop a plan: each is left out of it, by name.
    """
    counts = Counter(told[name] for name in believed if name in told).most_common(2)
    if len(counts) == 2 and counts[0][1] == counts[1][1]:
        names = " and ".join(repr(show(name)) for name, _count in sorted(counts))
        raise PlanError(f"as many hosts are of one fleet as of another by their configuration, {names}; {_REMEDY}")
    return counts[0][0] if counts else None


def checked(candidates: Iterable[Candidate], told: Mapping[str, str], *, fleet: str) -> List[Candidate]:
    """The candidates; one that names another fleet is not fit, because it would refuse the plan."""
    return [
        replace(one, unfit=one.unfit or _objection(told[one.name], fleet))
        if told.get(one.name, fleet) != fleet
        else one
        for one in candidates
    ]


def _objection(theirs: str, ours: str) -> str:
    return f"its configuration says that it is of fleet {show(theirs)!r}, this store keeps {show(ours)!r}"
