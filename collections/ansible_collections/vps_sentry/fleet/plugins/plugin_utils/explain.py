# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a difference is there, first answer wins, and its rank: accepted, waiver, package, change record, roll-out, none.

Pure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Dict, FrozenSet, Iterable, List, Mapping, Sequence, Set, Tuple

from .changes.record import Record, recorded
from .compare import Explanation, Finding, Reason, Text
from .folding import Packages, folded, moved_packages, packaged, values_of
from .reviewed import Item, named
from .vouchers import Vouchers
from .waivers import Waiver

ROLL_OUT_HOSTS = 2
ROLL_OUT_SHARE = 10
"""Percent of the voters that must hold the same new value."""

_WEIGHT: Mapping[str, int] = {"critical": 15, "warning": 5, "info": 1}
_FACTOR: Mapping[Explanation, float] = {
    "accepted": 0.0,
    "waiver": 0.0,
    "package": 0.05,
    "change-record": 0.1,
    "roll-out": 0.2,
    "none": 1.0,
}
_ORDER: Tuple[Explanation, ...] = ("accepted", "waiver", "package", "change-record", "roll-out", "none")
EXPLAINED: Tuple[Explanation, ...] = ("accepted", "waiver", "package")
"""What takes a finding off the list of things to look at; roll-outs and change records only lower its rank."""


@dataclass(frozen=True)
class Evidence:
    """What may explain a difference."""

    waivers: Sequence[Waiver] = ()
    """Those that hold now."""
    reviewed: Mapping[str, FrozenSet[Item]] = field(default_factory=dict)
    """Host -> items that somebody accepted for it on this controller."""
    records: Mapping[str, Mapping[str, Record]] = field(default_factory=dict)
    """Host -> path -> what plays left there."""
    vouchers: Vouchers = field(default_factory=Vouchers)
    """What packages explain."""


def explained(findings: Iterable[Finding], evidence: Evidence) -> List[Finding]:
    """The findings with their reasons and ranks."""
    every = list(findings)
    packages = moved_packages(every, evidence.vouchers)
    return folded([_explained(finding, evidence, packages) for finding in every], away=EXPLAINED)


def _explained(finding: Finding, evidence: Evidence, packages: Packages) -> Finding:
    values = values_of(finding)
    left = set(values)
    reasons: List[Reason] = []
    hosts = {host for host in left if _reviewed(finding, evidence, host=host, value=values[host])}
    if hosts:
        reasons.append(Reason("accepted", "reviewed and accepted on this controller", tuple(sorted(hosts))))
    left -= hosts
    for waiver in evidence.waivers:
        hosts = {host for host in left if waiver.covers(finding, host, value=values[host])}
        if hosts:
            until = f"until {waiver.expires[:10]}"
            reasons.append(Reason("waiver", f"#{waiver.id} {until}: {waiver.reason}", tuple(sorted(hosts))))
        left -= hosts
    for reason in packaged(finding, evidence.vouchers, packages=packages):
        hosts = left.intersection(reason.hosts)
        if hosts:
            reasons.append(replace(reason, hosts=tuple(sorted(hosts))))
        left -= hosts
    for why, hosts in _recorded(finding, evidence, left=left).items():
        reasons.append(Reason("change-record", why, tuple(sorted(hosts))))
        left -= hosts
    hosts = _rolled_out(finding, left)
    if hosts:
        share = f"{len(hosts.difference(finding.doubted))} of {finding.voters} hosts hold the same new value"
        reasons.append(Reason("roll-out", share, tuple(sorted(hosts))))
    left -= hosts
    kinds: Set[Explanation] = {reason.explanation for reason in reasons}
    weakest: Explanation = "none" if left or not kinds else max(kinds, key=_ORDER.index)
    return replace(finding, explanation=weakest, reasons=tuple(reasons), rank=rank(finding, weakest))


def _reviewed(finding: Finding, evidence: Evidence, *, host: str, value: Text) -> bool:
    return named(evidence.reviewed.get(host, frozenset()), finding.check, key=finding.key, value=value)


def _recorded(finding: Finding, evidence: Evidence, *, left: Set[str]) -> Dict[str, Set[str]]:
    """By which task -> the hosts that changed to exactly what it left there."""
    found: Dict[str, Set[str]] = {}
    for step in finding.steps:
        place = (finding.check, finding.key, step.before, step.after)
        for host in left.intersection(step.hosts):
            why = recorded(evidence.records.get(host, {}), place)
            if why:
                found.setdefault(why, set()).add(host)
    return found


def _rolled_out(finding: Finding, hosts: Set[str]) -> Set[str]:
    """Hosts on the way to something: several changed to the same value. Never for what is critical.

    Those without a vote do not make a roll-out, but may be part of one.
    """
    found: Set[str] = set()
    if finding.severity == "critical" or finding.wide:
        return found
    for step in finding.steps:
        same = hosts.intersection(step.hosts)
        voting = len(same.difference(finding.doubted))
        if voting >= ROLL_OUT_HOSTS and 100 * voting >= ROLL_OUT_SHARE * finding.voters:
            found |= same
    return found


def rank(finding: Finding, explanation: Explanation) -> int:
    """0 to 100: weight of the class times how rare the difference is, less what explains it.

    A cohort that moved as one counts as the rarest thing of all: no vote can judge it.
    """
    # A value that has no vote at all is as rare as one that has a single one.
    odd = min((max(variant.votes, 1) for variant in finding.variants[1:]), default=len(finding.changed))
    share = 1 if finding.wide else odd
    surprise = 1 + math.log2(max(finding.voters, 2) / max(share, 1))
    factor = _FACTOR[explanation]
    if explanation == "change-record" and finding.severity == "critical":
        # Whoever holds a host can do what a play does there, too.
        factor = 1.0
    return max(0, min(100, round(_WEIGHT[finding.severity] * surprise * factor)))
