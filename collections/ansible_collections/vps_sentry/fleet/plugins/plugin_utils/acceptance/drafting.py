# SPDX-License-Identifier: GPL-3.0-or-later
"""What is different on the hosts -> a plan, and what it leaves out with the reason. Pure: no store, no clock."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import DefaultDict, Dict, FrozenSet, Iterable, Iterator, List, Mapping, Optional, Tuple

from .. import scope
from ..core import digest
from ..core.clock import epoch, rfc3339
from ..core.model import Severity
from ..core.plan import PlanItem
from .planfile import LIFETIME, SCHEMA, Group, HostPlan, PlanFile, Withheld, host_plan, named
from .selection import Selection

Text = Optional[str]
"""An item's value as canonical JSON; None = absent."""


@dataclass(frozen=True)
class Difference:
    """One item in which a host differs from what is accepted there. ``explanation``: ``package:nginx``, or empty."""

    check: str
    key: str
    before: Text
    after: Text
    explanation: str = ""


@dataclass(frozen=True)
class Candidate:
    """A host as the store knows it."""

    name: str
    cohort: str
    machine_id: str = ""
    sequence: int = 0
    unfit: str = ""
    """Why nothing is planned for it."""
    differences: Tuple[Difference, ...] = ()
    new_checks: FrozenSet[str] = frozenset()
    """Checks that were looked at and are not part of the baseline yet."""
    not_checked: Tuple[str, ...] = ()
    consensus: Optional[Mapping[Tuple[str, str], str]] = None
    """For a host that is adopted: check and key -> the value its cohort accepted; nothing else is planned. An empty key
    stands for the check itself."""
    rollback: Optional[int] = None
    """Sequence of the baseline it goes back to; the differences then are what that changes, all of it or nothing."""


@dataclass(frozen=True)
class Draft:
    """What a plan is made for. ``now`` is RFC 3339 UTC; ``lifetime`` when what it accepts gives way again."""

    fleet_id: str
    store_id: str
    log_head: str
    now: str
    by: str
    reason: str
    selection: Selection = field(default_factory=Selection)
    critical: bool = False
    """Whether critical items are planned though no selector names them."""
    lifetime: Optional[str] = None
    expires: Optional[str] = None
    """Until when the plan may be applied; None for the usual time."""


@dataclass(frozen=True)
class _Chosen:
    host: Candidate
    items: Tuple[Difference, ...]
    bare: Tuple[str, ...]
    """Checks that become part of the baseline though nothing of theirs is planned."""


def draft(order: Draft, candidates: Iterable[Candidate]) -> PlanFile:
    """The plan over ``candidates``; a host for which nothing is planned is not in it."""
    chosen: List[_Chosen] = []
    withheld: List[Withheld] = []
    for host in sorted(candidates, key=lambda one: one.name):
        if host.unfit:
            withheld.append(Withheld(host.name, "", "", host.unfit))
            continue
        kept, left = _choose(order, host)
        withheld += left
        bare = _bare_checks(order, host, kept)
        if kept or bare:
            chosen.append(_Chosen(host, kept, bare))
    expires = order.expires or rfc3339(epoch(order.now) + LIFETIME)
    return named(
        PlanFile(
            schema=SCHEMA,
            plan_id="",
            fleet_id=order.fleet_id,
            store_id=order.store_id,
            log_head=order.log_head,
            created=order.now,
            expires=expires,
            by=order.by,
            reason=order.reason,
            hosts=tuple(_host(one, expires=expires) for one in chosen),
            withheld=tuple(withheld),
            groups=tuple(_groups(chosen)),
            lifetime=order.lifetime,
        )
    )


def _choose(order: Draft, host: Candidate) -> Tuple[Tuple[Difference, ...], List[Withheld]]:
    kept: List[Difference] = []
    left: List[Withheld] = []
    for one in host.differences:
        if not order.selection.means(one.check, one.key, explanation=one.explanation):
            continue
        reason = _objection(order, host, one)
        if reason:
            left.append(Withheld(host.name, one.check, one.key, reason))
        else:
            kept.append(one)
    return tuple(kept), [*left, *_lacking(order, host)]


def _lacking(order: Draft, host: Candidate) -> Iterator[Withheld]:
    """What an adopted host's cohort accepted, and the host does not show; nobody would miss it there later."""
    shown = {(one.check, one.key) for one in host.differences}
    looked = host.new_checks | {check for check, _key in shown}
    for check, key in sorted(host.consensus or ()):
        if not order.selection.means(check, key, explanation="") or (check, key) in shown:
            continue
        if key and check in looked:
            yield Withheld(host.name, check, key, "its cohort accepted it, and it is not there")
        elif not key and check not in looked:
            yield Withheld(host.name, check, key, "its cohort accepted this check, and it was not looked at there")


def _objection(order: Draft, host: Candidate, one: Difference) -> str:
    """Why the item is not planned; the first acceptance of a host is a review of everything, criticals included."""
    if host.consensus is not None:
        usual = host.consensus.get((one.check, one.key))
        return "" if usual == one.after else "not what its cohort accepted"
    if host.sequence == 0 or host.rollback is not None or order.critical or severity(one) != "critical":
        return ""
    if order.selection.names(one.check, one.key, explanation=one.explanation):
        return ""
    return "critical: it becomes trusted only when named, with only= or critical=true"


def severity(one: Difference) -> Severity:
    """How much accepting it weighs."""
    return scope.severity(one.check, one.key, values=(one.before, one.after))


def _bare_checks(order: Draft, host: Candidate, kept: Iterable[Difference]) -> Tuple[str, ...]:
    """Checks that become part of the baseline though nothing of theirs is planned: they have nothing to show.

    On an adopted host also those whose items its cohort did not accept, so that each of them alerts.
    """
    if host.consensus is None:
        bare = host.new_checks - {one.check for one in host.differences}
    else:
        bare = host.new_checks & {check for check, _key in host.consensus} - {one.check for one in kept}
    return tuple(sorted(name for name in bare if order.selection.means_all_of(name)))


def _host(one: _Chosen, *, expires: str) -> HostPlan:
    bare: List[PlanItem] = [(check, "", None, None) for check in one.bare]
    found = HostPlan(
        name=one.host.name,
        machine_id=one.host.machine_id,
        sequence=one.host.sequence,
        plan_digest="",
        items=tuple(sorted([*bare, *(_item(entry) for entry in one.items)], key=lambda item: item[:2])),
        not_checked=one.host.not_checked,
        rollback=one.host.rollback,
    )
    return replace(found, plan_digest=host_plan(found, expires=expires).name)


def _item(one: Difference) -> PlanItem:
    return one.check, one.key, _digest(one.before), _digest(one.after)


def _digest(text: Text) -> Optional[str]:
    return None if text is None else digest.digest(json.loads(text))


def _groups(chosen: List[_Chosen]) -> Iterator[Group]:
    """The same change of a cohort once, critical ones first."""
    hosts: DefaultDict[Tuple[str, Difference], List[str]] = defaultdict(list)
    for one in chosen:
        for entry in one.items:
            hosts[one.host.cohort, entry].append(one.host.name)
    groups = [_group(cohort, entry, tuple(names)) for (cohort, entry), names in hosts.items()]
    yield from sorted(groups, key=lambda g: (g.severity != "critical", g.check, g.key, g.cohort, g.hosts))


def _group(cohort: str, one: Difference, hosts: Tuple[str, ...]) -> Group:
    before, after = (None if text is None else json.loads(text) for text in (one.before, one.after))
    return Group(cohort, severity(one), one.check, one.key, before, after, hosts, one.explanation)


def consensus(accepted: Mapping[str, Mapping[Tuple[str, str], str]]) -> Dict[Tuple[str, str], str]:
    """What at least four hosts, and four fifths of all, accepted alike; ``accepted`` is host -> item -> value."""
    counts: DefaultDict[Tuple[Tuple[str, str], str], int] = defaultdict(int)
    for items in accepted.values():
        for place, value in items.items():
            counts[place, value] += 1
    least = max(4, -(-len(accepted) * 4 // 5))
    return {place: value for (place, value), votes in counts.items() if votes >= least}
