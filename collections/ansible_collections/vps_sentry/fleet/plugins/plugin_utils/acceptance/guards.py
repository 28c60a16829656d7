# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps one plan from trusting too much at once, and who goes first. Pure."""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, Optional, Tuple

from ..limits import show
from .planfile import PlanError, PlanFile

EXEMPT = 4
"""Fleets of so few hosts need no guard."""
PERCENT, HOSTS = 25, 20
CANARIES_ABOVE = 10
_MAX = re.compile(r"([0-9]{1,6})(%?)", re.ASCII)


def too_many(plan: PlanFile, *, fleet: int, maximum: Optional[str]) -> Optional[str]:
    """Why the plan touches more hosts than one plan may, and how to say that it shall; None when it does not.

    ``maximum`` is a number of hosts or a percentage, None for the default. Raises PlanError when it is neither.
    """
    count = len(plan.hosts)
    allowed = _allowed(fleet, maximum)
    if count <= allowed or (maximum is None and fleet <= EXEMPT):
        return None
    return f"the plan changes {count} of {fleet} hosts, {allowed} are allowed at once; review it, then say max={count}"


def _allowed(fleet: int, maximum: Optional[str]) -> int:
    if maximum is None:
        return min(-(-fleet * PERCENT // 100), HOSTS)
    found = _MAX.fullmatch(maximum)
    if found is None:
        raise PlanError(f"max={maximum[:40]}: write a number of hosts or a percentage such as 50%")
    number = int(found[1])
    return -(-fleet * number // 100) if found[2] else number


def canaries(plan: PlanFile, cohorts: Mapping[str, str], *, asked: Optional[bool]) -> Tuple[str, ...]:
    """One host of each cohort that goes first; none in a plan of at most ten hosts unless ``asked``."""
    if not (len(plan.hosts) > CANARIES_ABOVE if asked is None else asked):
        return ()
    first: Dict[str, str] = {}
    for host in plan.hosts:
        first.setdefault(cohorts.get(host.name, ""), host.name)
    found: List[str] = sorted(first.values())
    return tuple(found) if len(found) < len(plan.hosts) else ()


def question(plan: PlanFile) -> Tuple[str, str]:
    """What a person is asked before a plan is applied, and the one answer that means yes."""
    hosts = "1 host" if len(plan.hosts) == 1 else f"{len(plan.hosts)} hosts"
    if plan.cohort:
        hosts = f"each new host of {show(plan.cohort)} until {plan.expires}"
    if plan.critical:
        return f"accept {plan.items:,} items on {hosts}, {plan.critical} critical: type {plan.critical}", str(
            plan.critical
        )
    return f"accept {plan.items:,} items on {hosts}, none critical: type yes", "yes"
