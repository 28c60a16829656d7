# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from a package, folded into the finding about the package, which stands. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from functools import lru_cache
from typing import Collection, DefaultDict, Dict, Iterable, Iterator, List, Mapping, Set, Tuple

from .compare import Explanation, Finding, Folded, Reason, Text
from .vouchers import PACKAGES, Vouchers, explainable


class Moved:
    """A finding about a package: who had which value of it, and who has which now."""

    def __init__(self, finding: Finding) -> None:
        self.before = {host: step.before for step in finding.steps for host in step.hosts}
        self.now = values_of(finding)

    def told(self, host: str) -> str:
        """``1.2 -> 1.3``."""
        old, new = (_version(value) for value in (self.before[host], self.now[host]))
        return f"{old} -> {new}" if old else new


Packages = Mapping[Tuple[str, str], Moved]
"""By cohort and key."""


def moved_packages(findings: Iterable[Finding], vouchers: Vouchers) -> Packages:
    """The packages that moved somewhere; none when no host vouches for anything."""
    if not vouchers.said:
        return {}
    return {(one.cohort, one.key): Moved(one) for one in findings if one.check == PACKAGES and one.steps}


def packaged(finding: Finding, vouchers: Vouchers, *, packages: Packages) -> Iterator[Reason]:
    """One reason for each package that explains some hosts: those it moved, and those still where these came from."""
    values = {
        *(variant.value for variant in finding.variants),
        *(v for s in finding.steps for v in (s.before, s.after)),
    }
    if not packages or not finding.steps or not explainable((finding.check, finding.key), values):
        return
    held = values_of(finding)
    behind = set(finding.subjects).difference(finding.changed)
    for step in finding.steps:
        brought: DefaultDict[Tuple[str, str], List[str]] = defaultdict(list)
        for host in step.hosts:
            name = vouchers.package(host, (finding.check, finding.key), after=step.after)
            moved = packages.get((finding.cohort, name)) if name else None
            if moved is not None and host in moved.before and vouchers.holds(host, name, value=moved.now[host]):
                brought[name, moved.told(host)].append(host)
        for (name, told), hosts in brought.items():
            moved = packages[finding.cohort, name]
            came_from = {moved.before[host] for host in hosts}
            # Neither the item nor the package differs from what the upgraded ones had accepted.
            late = [host for host in behind if held[host] == step.before and _stayed(moved, host, came_from)]
            # Who is not believed vouches for nothing; but what it holds is the very content that its peers vouch for.
            doubted = set(step.hosts).intersection(finding.doubted)
            alike = [host for host in doubted if moved.now.get(host) == moved.now[hosts[0]]]
            yield Reason("package", f"{name} {told}, as the package's own list says", (*hosts, *late, *alike), name)


def _stayed(moved: Moved, host: str, came_from: Set[Text]) -> bool:
    return host in moved.now and host not in moved.before and moved.now[host] in came_from


@lru_cache(maxsize=1024)
def _version(value: Text) -> str:
    return "" if value is None else str(json.loads(value).get("version", ""))


def folded(findings: List[Finding], *, away: Collection[Explanation]) -> List[Finding]:
    """The findings, those about packages with what each explains; ``away``: what takes a finding off the list."""
    explains: DefaultDict[Tuple[str, str], List[Folded]] = defaultdict(list)
    for one in findings:
        if one.explanation in away:
            for package in sorted({reason.package for reason in one.reasons if reason.package}):
                explains[one.cohort, package].append(Folded(one.check, one.key, one.severity))
    return [
        replace(one, explains=tuple(explains[one.cohort, one.key]))
        if one.check == PACKAGES and (one.cohort, one.key) in explains
        else one
        for one in findings
    ]


def values_of(finding: Finding) -> Dict[str, Text]:
    """What each host that the finding is about holds now."""
    held: Dict[str, Text] = {host: step.after for step in finding.steps for host in step.hosts}
    held.update((host, variant.value) for variant in finding.variants for host in variant.hosts)
    return {host: held[host] for host in finding.subjects}
