# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison by brute force, host x item, written without a look at how the store does it."""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterator, List, Mapping, NamedTuple, Optional, Set, Tuple

from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.compare import Finding, Level, Step, Variant
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.scope import scope, severity
from support.fleet import Items
from vps_sentry.core import canonical

Checks = Mapping[str, Items]
Text = Optional[str]


class Host(NamedTuple):
    """What runs on a host and what was accepted there; None: nothing was."""

    now: Checks
    accepted: Optional[Checks]


def brute_force(
    cohort: str, fleet: Mapping[str, Host], *, reference: Optional[str] = None, guests: FrozenSet[str] = frozenset()
) -> List[Finding]:
    """Every item of every host, looked at one by one; ``guests`` hold values and have no vote."""
    found = []
    for check in sorted({check for host in fleet.values() for check in host.now}):
        present = {name: host for name, host in fleet.items() if check in host.now}
        past = {name for name, host in present.items() if host.accepted is not None and check in host.accepted}
        for key in sorted(_keys(present, check, past)):
            now = {name: _text(host.now[check].get(key)) for name, host in present.items()}
            then = {name: _text((fleet[name].accepted or {})[check].get(key)) for name in past}
            item = _Item((cohort, check, key), now, then, guests)
            found += list(_finding(item, size=len(fleet), reference=reference))
    return found


class _Item(NamedTuple):
    place: Tuple[str, str, str]
    now: Dict[str, Text]
    then: Dict[str, Text]
    guests: FrozenSet[str]


def _keys(present: Mapping[str, Host], check: str, past: Set[str]) -> Set[str]:
    found = {key for host in present.values() for key in host.now[check]}
    return found | {key for name in past for key in (present[name].accepted or {})[check]}


def _text(value: Optional[Mapping[str, object]]) -> Text:
    return None if value is None else canonical.dumps(value).decode()


def _by_value(held: Mapping[str, Text]) -> Dict[Text, List[str]]:
    found: Dict[Text, List[str]] = {}
    for name in sorted(held):
        found.setdefault(held[name], []).append(name)
    return found


def _finding(item: _Item, *, size: int, reference: Optional[str]) -> Iterator[Finding]:
    cohort, check, key = item.place
    kind = scope(check, key)
    past = {} if kind == "peers" else item.then
    moved = {name: (before, item.now[name]) for name, before in past.items() if before != item.now[name]}
    shared = kind != "host"
    held = _by_value(item.now) if shared else {}
    if len(held) < 2 and not moved:
        return
    voters = {name: value for name, value in item.now.items() if name not in item.guests}
    votes = {value: len([name for name in held[value] if name in voters]) for value in held}
    order = sorted(held, key=lambda value: (-votes[value], value is not None, value or ""))
    level = _level([votes[value] for value in order], len(voters), size) if shared else "own past"
    if reference in voters and len(order) > 1:
        level, right = "reference", item.now[reference or ""]
        order = [right, *(value for value in order if value != right)]
    tie = level not in ("reference", "own past", "agreed") and votes[order[0]] == votes[order[1]]
    outliers = tuple(sorted(name for value in order for name in held[value] if tie or value != order[0]))
    then = {name: value for name, value in item.then.items() if name in voters}
    normal = level in ("strong", "majority", "reference", "agreed")
    yield Finding(
        cohort=cohort,
        check=check,
        key=key,
        level=level,
        severity=severity(check, key, values={*held, *(value for pair in moved.values() for value in pair)}),
        voters=len(voters),
        variants=tuple(Variant(v, votes[v], () if normal and v == order[0] else tuple(held[v])) for v in order),
        outliers=outliers,
        steps=_steps(moved),
        changed=tuple(sorted(moved)),
        unaccepted=tuple(name for name in outliers if name not in item.then),
        doubted=tuple(sorted(item.guests.intersection({*outliers, *moved}))),
        wide=bool(moved) and level in ("strong", "agreed") and bool(_strong(then) - {order[0]}),
    )


def _strong(held: Mapping[str, Text]) -> FrozenSet[Text]:
    """The value on which four fifths agree, if there is one."""
    votes = _by_value(held)
    return frozenset(value for value, names in votes.items() if len(names) >= 4 and len(names) / len(held) >= 0.8)


def _steps(moved: Mapping[str, Tuple[Text, Text]]) -> Tuple[Step, ...]:
    pairs = {pair: tuple(sorted(n for n, other in moved.items() if other == pair)) for pair in moved.values()}
    steps = [Step(before, after, names) for (before, after), names in pairs.items()]
    return tuple(sorted(steps, key=lambda one: (-len(one.hosts), one.before or "", one.after or "", one.hosts)))


def _level(votes: List[int], total: int, size: int) -> Level:
    if len(votes) == 1:
        return "agreed"
    if total < 4 or total / size < 2 / 3 - 1e-9:
        return "no quorum"
    if votes[0] / total >= 0.8 and votes[0] >= 4:
        return "strong"
    return "majority" if votes[0] / total > 0.5 else "split"
