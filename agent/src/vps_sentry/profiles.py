# SPDX-License-Identifier: GPL-3.0-or-later
"""A cohort's profile: what people signed for hosts they had not seen, and what one of them may accept by it."""

from __future__ import annotations

from typing import Iterator

from .baseline import Baseline
from .core.order import COHORT, Leaf, Order
from .core.plan import SCHEMA, Plan


def misfits(profile: Plan, order: Order, *, baseline: Baseline, signed: bool) -> Iterator[str]:
    """Why ``order`` must not be carried out on the word of ``profile``.

    ``signed``: whether the host knows signers, and one of them signed the manifest.
    """
    leaf = Leaf(profile.machine_id, profile.sequence, profile.name)
    if leaf.name not in order.manifest.leaves:
        yield "the manifest does not name this profile: it is not what was signed"
    if profile.schema != SCHEMA:
        yield f"profile schema {profile.schema} is not known here; upgrade the agent"
    if not profile.machine_id.startswith(COHORT):
        yield "what was signed is a plan for one machine, not a profile of a cohort"
    if not signed:
        yield "a profile counts only where accept.allowed_signers names who may sign it"
    if baseline.status != "none" or baseline.sequence:
        yield f"a profile is for hosts without a baseline, this one has #{baseline.sequence} ({baseline.status})"
    yield from _beyond(profile, order)


def _beyond(profile: Plan, order: Order) -> Iterator[str]:
    if order.plan is None:
        yield "a profile takes no baseline back"
        return
    # Looking at a check trusts nothing, so the check of any of its items may become part of the baseline.
    checks = {(check, "", None, None) for check, _key, _before, _after in profile.items}
    found = sorted(set(order.plan.items) - set(profile.items) - checks, key=repr)
    if found:
        yield f"items that are not in the profile: {len(found)}, such as {found[0][0]} {found[0][1][:200]}"
