# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes that a package upgrade explains, and changes that two checks saw: each is told once. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from .core import digest
from .core.model import SEVERITIES, Change, Rating, Voucher
from .judge import SHOWN_OF_GROUP, Finding, Rate, judge_changes

FILES, PACKAGES = "files", "packages"
BY_PACKAGE = "package"
_CRITICAL = SEVERITIES.index("critical")


class _Case(NamedTuple):
    """A change, how bad it is by itself, and what the package manager says of it."""

    change: Change
    rating: Rating
    voucher: Optional[Voucher]

    @property
    def rank(self) -> int:
        return SEVERITIES.index(self.rating.severity)

    @property
    def upgrade(self) -> bool:
        """Whether it is the upgrade of a package that explains."""
        explained = self.voucher is not None and self.voucher.kind == "explained"
        return explained and self.change.check == PACKAGES

    def came_with(self, package: _Case) -> bool:
        """Whether the change of ``package`` says it too: as its explanation, or as news that are no smaller."""
        if self.voucher is None or package is self:
            return False
        if package.upgrade:
            # What another check calls critical no upgrade explains; of files the voucher has left those out.
            return self.voucher.kind == "explained" and (self.change.check == FILES or self.rank < _CRITICAL)
        return package.rank >= self.rank


def judge(
    changes: Iterable[Change], vouchers: Iterable[Voucher], *, rate: Rate, notes: Mapping[str, str]
) -> Iterator[Finding]:
    """The findings of all changes. ``notes``: check -> what it has to add to what nobody explains.

    One finding for an upgrade and all it explains; one for a package and what it brought, where that is no worse; one
    for a file that another check tells better.
    """
    said = {(entry.check, entry.key, entry.value): entry for entry in vouchers if entry.kind != "pending"}
    cases = [_Case(change, rate(change), _voucher(change, said)) for change in changes]
    packages = {case.change.key: case for case in cases if case.change.check == PACKAGES}
    company: Dict[str, List[_Case]] = defaultdict(list)
    alone: List[_Case] = []
    for case in cases:
        package = packages.get(case.voucher.package) if case.voucher else None
        if package is not None and case.came_with(package):
            company[package.change.key].append(case)
        elif not case.upgrade:
            alone.append(case)
    for key, package in packages.items():
        if package.upgrade or key in company:
            yield _package(package, company.get(key, []), note=notes.get(PACKAGES, ""))
    left = [case for case in alone if case.change.check != PACKAGES or case.change.key not in company]
    yield from _alone(left, packages, rate)


def _voucher(change: Change, said: Mapping[Tuple[str, str, str], Voucher]) -> Optional[Voucher]:
    """What is said of exactly this value: a second change of an explained item is news."""
    return said.get((change.check, change.key, digest.digest(change.after))) if said else None


def _package(package: _Case, company: List[_Case], *, note: str) -> Finding:
    """The finding of a package's change, with what came with it."""
    change, rating = package.change, package.rating
    before, after = change.before or {}, change.after or {}
    words = [case.voucher.word if package.upgrade else case.change.key for case in company if case.voucher]
    words = [word for word in words if word]
    shown = [f"with it {', '.join(words[:SHOWN_OF_GROUP])}"] if words else []
    shown += [f"and {len(words) - SHOWN_OF_GROUP} more"] if len(words) > SHOWN_OF_GROUP else []
    count = f"{len(company)} file{'' if len(company) == 1 else 's'} as the package says"
    if package.upgrade:
        old = before.get("version")
        title = f"{change.key} {f'{old} -> ' if old else ''}{after.get('version')}: {count}"
        detail = "; ".join(["an upgrade from a signed archive" if old else "an upgrade needed it", *shown])
    else:
        title = rating.title
        detail = "; ".join([change.change, *([count] if company else []), *shown, *([note] if note else [])])
    return Finding(
        code=rating.code,
        severity="info" if package.upgrade else rating.severity,
        check=change.check,
        key=change.key,
        title=title,
        detail=detail,
        before=change.before,
        after=change.after,
        members=tuple(case.change.key for case in company),
        content=digest.digest([[case.change.check, case.change.key, case.change.after] for case in company]),
        explanation=BY_PACKAGE if package.upgrade else "none",
    )


def _alone(cases: List[_Case], packages: Mapping[str, _Case], rate: Rate) -> Iterator[Finding]:
    """What no package's finding says: grouped where an upgrade brought it, told by another check, or told itself."""
    better = _better(cases)
    groups: Dict[Tuple[str, str, str], List[_Case]] = defaultdict(list)
    folded: Dict[str, List[Change]] = defaultdict(list)
    rest: List[Change] = []
    for case in cases:
        package = packages.get(case.voucher.package) if case.voucher else None
        name = better.get(case.change.key, ("", -1))
        if case.change.check == FILES and name[1] >= case.rank:
            folded[name[0]].append(case.change)
        elif package is not None and package.upgrade and case.change.check == FILES:
            place = case.change.key.rpartition("/")[0]
            groups[package.change.key, case.rating.code, place].append(case)
        else:
            rest.append(case.change)
    for (key, code, place), members in groups.items():
        if len(members) == 1:
            rest.append(members[0].change)
        else:
            yield _brought(packages[key], code, place, members)
    for name_of, changes in folded.items():
        for finding in judge_changes(changes, lambda change: replace(rate(change), severity="info")):
            yield finding._replace(explanation=f"check:{name_of}")
    yield from judge_changes(rest, rate)


def _better(cases: Iterable[_Case]) -> Dict[str, Tuple[str, int]]:
    """Path -> the check that tells of it with its meaning, and how bad it says it is."""
    found: Dict[str, Tuple[str, int]] = {}
    for case in cases:
        if case.change.check != FILES:
            for path in sources(case.change):
                if case.rank > found.get(path, ("", -1))[1]:
                    found[path] = (case.change.check, case.rank)
    return found


def sources(change: Change) -> List[str]:
    """The files an item stems from, as the check ``files`` writes their paths."""
    found: List[str] = []
    for value in (change.before or {}, change.after or {}):
        several = value.get("sources", [])
        found += [entry for entry in several if isinstance(entry, str)] if isinstance(several, list) else []
        found += [str(value["source"])] if "source" in value else []
    return found


def _brought(package: _Case, code: str, place: str, members: List[_Case]) -> Finding:
    """What an upgrade brought but may not explain: one finding, which only an acceptance ends."""
    worst = max(members, key=lambda case: case.rank).rating.severity
    names = [case.change.key for case in members]
    more = f" and {len(names) - SHOWN_OF_GROUP} more" if len(names) > SHOWN_OF_GROUP else ""
    before, after = package.change.before or {}, package.change.after or {}
    way = f"{package.change.key} {before.get('version')} -> {after.get('version')}"
    return Finding(
        code=code,
        severity=worst,
        check=FILES,
        key=place,
        title=f"{len(names)} files in {place} changed with {way}, as the package says; no upgrade explains such files",
        detail=f"{', '.join(names[:SHOWN_OF_GROUP])}{more}; all of them: vps-sentry baseline diff",
        members=tuple(names),
        content=digest.digest([[case.change.key, case.change.change, case.change.after] for case in members]),
    )
