# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as text for a person: critical items first, in full, one line each; the same change once, with its hosts."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ..limits import show
from ..wording import count
from . import log
from .planfile import Group, PlanFile, Withheld

SHOWN_HOSTS = 8
SHOWN_GROUPS = 40
"""Groups told in full that are not critical; the rest is counted, and stands in the plan's file."""
_MARKS = {"added": "+", "removed": "-", "changed": "~"}


def plan_text(
    plan: PlanFile, *, cohorts: Mapping[str, int], path: Optional[str] = None, source: str = "the plan's file"
) -> str:
    """``cohorts``: name -> how many hosts it has. ``path``: where the plan lies, once it was written.

    ``source``: where all of it stands, in words.
    """
    lines = [*_head(plan), ""]
    critical = [group for group in plan.groups if group.severity == "critical"]
    others = [group for group in plan.groups if group.severity != "critical"]
    if critical:
        lines += [f"CRITICAL, {plan.critical} to be trusted:"]
        lines += [line for group in critical for line in _group(group, _where(plan, group, cohorts, every=True))]
        lines += [""]
    for group in others[:SHOWN_GROUPS]:
        lines += _group(group, _where(plan, group, cohorts, every=False))
    lines += _rest(others[SHOWN_GROUPS:], source)
    lines += _withheld(plan.withheld)
    lines += ["", _summary(plan), log.told(plan.log_head), *_next(plan, path)]
    return "\n".join([*lines, ""])


def _head(plan: PlanFile) -> Iterator[str]:
    until = f", held until {plan.lifetime}" if plan.lifetime else ""
    whose = f"for fleet {show(plan.fleet_id)} by {show(plan.by)}"
    if plan.cohort:
        what = f"what new hosts of {show(plan.cohort)} accept by themselves before {plan.expires}"
        yield f"profile {plan.plan_id} {whose}: {what}"
    else:
        yield f"plan {plan.plan_id} {whose}, to be applied before {plan.expires}{until}"
    if plan.reason:
        yield f"reason: {show(plan.reason, limit=400)}"


def _where(plan: PlanFile, group: Group, cohorts: Mapping[str, int], *, every: bool) -> str:
    if plan.cohort:
        return f"on each new host of {show(plan.cohort)}"
    size = cohorts.get(group.cohort, len(group.hosts))
    return f"on {len(group.hosts)} of {size} {show(group.cohort)}: {_names(group.hosts, every=every)}"


def _group(group: Group, where: str) -> Iterator[str]:
    kind = "added" if group.before is None else "removed" if group.after is None else "changed"
    why = f" ({show(group.explanation)})" if group.explanation else ""
    yield f"  {_MARKS[kind]} {group.check} {_visible(group.key)} {where}{why}"
    yield from (f"      {line}" for line in _fields(group.before, group.after))


def _fields(before: Any, after: Any) -> Iterator[str]:
    """What becomes trusted, field by field; of a changed item only what changes."""
    old: Dict[str, Any] = before or {}
    new: Dict[str, Any] = after or {}
    if before is None:
        told = "  ".join(f"{show(name)} {_value(value)}" for name, value in sorted(new.items()) if value is not None)
        if told:
            yield told
    elif after is not None:
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                yield f"{show(name)}: {_value(old.get(name))} -> {_value(new.get(name))}"


def _value(value: Any) -> str:
    if value is None:
        return "none"
    text = str(value)
    return text[:19] + "…" if text.startswith("sha256:") else _visible(text)


def _visible(text: str) -> str:
    """Names that could be mistaken for others are marked: a reviewer must not take one letter for its double."""
    shown = show(text, limit=200)
    return shown if shown.isascii() else f"{shown} [not ASCII: {shown!a}]"


def _names(hosts: Tuple[str, ...], *, every: bool) -> str:
    shown = hosts if every else hosts[:SHOWN_HOSTS]
    more = f" and {len(hosts) - len(shown)} more" if len(hosts) > len(shown) else ""
    return ", ".join(show(name) for name in shown) + more


def _rest(groups: List[Group], source: str) -> Iterator[str]:
    if groups:
        counts = Counter(group.check for group in groups)
        told = ", ".join(f"{number:,} {check}" for check, number in sorted(counts.items()))
        yield f"  and {len(groups):,} more changes, none critical ({told}); each stands in {source}"


def _withheld(withheld: Tuple[Withheld, ...]) -> Iterator[str]:
    """What goes on alerting, and why: whole hosts by name, items counted by reason and check."""
    hosts = [one for one in withheld if not one.check]
    items = [one for one in withheld if one.check]
    if withheld:
        yield ""
        yield "not in this plan:"
    yield from (f"  {show(one.host)}: {show(one.reason, limit=200)}" for one in hosts)
    for (reason, check, key), names in sorted(_by_item(items).items()):
        what = f"{check} {_visible(key)}".rstrip()
        yield f"  {what} on {_names(tuple(names), every=False)}: {show(reason, limit=200)}"


def _by_item(items: List[Withheld]) -> Dict[Tuple[str, str, str], List[str]]:
    found: Dict[Tuple[str, str, str], List[str]] = {}
    for one in items:
        found.setdefault((one.reason, one.check, one.key), []).append(one.host)
    return found


def _summary(plan: PlanFile) -> str:
    if plan.cohort:
        return f"Profile: {count(plan.items, 'item')} that a new host may accept, {plan.critical:,} of them critical."
    planned = f"{count(plan.items, 'item')} on {count(len(plan.hosts), 'host')}"
    left = count(len({one.host for one in plan.withheld if not one.check}), "host")
    items = count(sum(1 for one in plan.withheld if one.check), "item")
    return f"Plan: {planned} to accept, {plan.critical:,} of them critical; {items} and {left} withheld."


def _next(plan: PlanFile, path: Optional[str]) -> Iterator[str]:
    if not plan.hosts:
        yield "Nothing to accept."
    elif plan.cohort:
        yield f"Sign exactly this:  vps-sentry-fleet accept sign {path} --key KEY"
        yield f"Then, with each collect:  ansible-playbook playbooks/collect.yml -e profile={path}"
    elif path is not None:
        yield f"Apply exactly this:  ansible-playbook playbooks/accept.yml -e plan={path}"
