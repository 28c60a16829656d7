# SPDX-License-Identifier: GPL-3.0-or-later
"""Who differs from its peers, and who changed since it was accepted: votes per item within a cohort.

Pure: rows in, findings out. Nothing here walks over all voters for each finding: whoever holds the value of nearly
everybody is only counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import DefaultDict, Dict, FrozenSet, Iterable, List, Literal, Mapping, Optional, Tuple

from .core.model import Severity
from .scope import scope, severity

QUORUM_VOTERS = 4
STRONG_VOTES = 4

Level = Literal["strong", "majority", "split", "no quorum", "reference", "agreed", "own past"]
"""How far the peers agree; ``agreed``: they all do, ``own past``: an item that is never compared between hosts."""
Explanation = Literal["accepted", "waiver", "package", "change-record", "roll-out", "none"]
Text = Optional[str]
"""A value as canonical JSON; None = the item is absent, which is a value like any other."""
_Place = Tuple[str, str]
_HAS_NORM: Tuple[Level, ...] = ("strong", "majority", "reference", "agreed")


@dataclass(frozen=True)
class Deviation:
    """Hosts whose value of one item differs from that of the cohort's most common bucket."""

    check: str
    key: str
    value: Text
    usual: Text
    hosts: Tuple[str, ...]


@dataclass(frozen=True)
class Move:
    """Hosts whose value of one item is not the one they accepted."""

    check: str
    key: str
    before: Text
    after: Text
    hosts: Tuple[str, ...]


@dataclass(frozen=True)
class Electorate:
    """One cohort: all its hosts, and per check those whose bundle is fresh and whose check worked."""

    cohort: str
    size: int
    voters: Mapping[str, FrozenSet[str]]
    accepted: Mapping[str, FrozenSet[str]]
    """Those of the voters and guests that hold an accepted baseline of the check."""
    guests: Mapping[str, FrozenSet[str]] = field(default_factory=dict)
    """Per check those that are not believed: what they hold is compared like all else, and counts for nothing."""
    reference: Optional[str] = None
    """The host whose values are right, whatever the others vote (``cohort_reference``)."""

    def has_quorum(self, check: str) -> bool:
        """At least 4 voters and 2/3 of the cohort."""
        count = len(self.voters.get(check, ()))
        return count >= QUORUM_VOTERS and 3 * count >= 2 * self.size


@dataclass(frozen=True)
class Variant:
    """One value of an item, how many vote for it and who has it, guests included.

    The hosts behind a consensus are all others and are not listed.
    """

    value: Text
    votes: int
    hosts: Tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """From what to what an item moved since its hosts accepted it."""

    before: Text
    after: Text
    hosts: Tuple[str, ...]


@dataclass(frozen=True)
class Reason:
    """Why some of a finding's hosts are as they are."""

    explanation: Explanation
    why: str
    hosts: Tuple[str, ...]
    package: str = ""
    """Key of the package that explains."""


@dataclass(frozen=True)
class Folded:
    """An item whose finding is not told by itself because it follows from that of a package."""

    check: str
    key: str
    severity: Severity


@dataclass(frozen=True)
class Finding:
    """One item on which a cohort does not agree, or that moved; ``variants`` by votes, most first."""

    cohort: str
    check: str
    key: str
    level: Level
    severity: Severity
    voters: int
    variants: Tuple[Variant, ...]
    outliers: Tuple[str, ...]
    """The first axis: hosts that differ from their peers; everybody when no value leads."""
    steps: Tuple[Step, ...]
    """The second axis: what changed since it was accepted."""
    changed: Tuple[str, ...]
    """The hosts of ``steps``."""
    unaccepted: Tuple[str, ...]
    """Outliers without an accepted baseline of this check: nothing can be said of their past."""
    doubted: Tuple[str, ...]
    """Hosts the finding is about that have no vote, because they are not believed."""
    wide: bool
    """The cohort agrees on another value than the one it had agreed on when it was accepted."""
    explanation: Explanation = "none"
    """The weakest of ``reasons``; ``none`` while one host's difference has none."""
    reasons: Tuple[Reason, ...] = ()
    rank: int = 0
    """0 to 100: how much it deserves a look before others."""
    explains: Tuple[Folded, ...] = ()
    """Of a package: what follows from this finding."""

    @property
    def subjects(self) -> Tuple[str, ...]:
        """Every host the finding is about."""
        return tuple(sorted({*self.outliers, *self.changed}))


def compare(electorate: Electorate, deviations: Iterable[Deviation], *, moves: Iterable[Move] = ()) -> List[Finding]:
    """The findings of one cohort, by check and key. Items of scope ``host`` have no vote, only a past."""
    votes: Dict[_Place, DefaultDict[Text, List[str]]] = {}
    usual: Dict[_Place, Text] = {}
    steps: DefaultDict[_Place, DefaultDict[Tuple[Text, Text], List[str]]] = defaultdict(lambda: defaultdict(list))
    for deviation in deviations:
        place = (deviation.check, deviation.key)
        votes.setdefault(place, defaultdict(list))[deviation.value] += deviation.hosts
        usual[place] = deviation.usual
    for move in moves:
        kind = scope(move.check, move.key)
        if kind != "peers":
            steps[move.check, move.key][move.before, move.after] += move.hosts
        if kind == "shared":
            # Who agrees with everybody needs no deviation: the value it moved to is the usual one.
            usual.setdefault((move.check, move.key), move.after)
    found = []
    for place in sorted({*votes, *steps}):
        here = {pair: tuple(sorted(hosts)) for pair, hosts in steps[place].items()} if place in steps else {}
        if scope(*place) == "host":
            found.append(_own(electorate, place, steps=here))
        else:
            found.append(_shared(electorate, place, ballot=_Ballot(usual[place], votes.get(place, {}), here)))
    return found


@dataclass(frozen=True)
class _Ballot:
    """All that is known of one item: the value of whoever is not listed, those who hold another, and who moved."""

    usual: Text
    apart: Mapping[Text, List[str]]
    steps: Mapping[Tuple[Text, Text], Tuple[str, ...]]


def _own(electorate: Electorate, place: _Place, *, steps: Mapping[Tuple[Text, Text], Tuple[str, ...]]) -> Finding:
    """An item that is each host's own: only its past counts."""
    check, key = place
    told, changed = _steps(steps)
    return Finding(
        cohort=electorate.cohort,
        check=check,
        key=key,
        level="own past",
        severity=severity(check, key, values={value for pair in steps for value in pair}),
        voters=len(electorate.voters.get(check, ())),
        variants=(),
        outliers=(),
        steps=told,
        changed=changed,
        unaccepted=(),
        doubted=_of(changed, electorate.guests.get(check)),
        wide=False,
    )


def _shared(electorate: Electorate, place: _Place, *, ballot: _Ballot) -> Finding:
    check, key = place
    voters, guests = electorate.voters.get(check, frozenset()), electorate.guests.get(check, frozenset())
    counts = _votes(ballot, voters=voters, guests=guests)
    order = sorted(counts, key=lambda value: (-counts[value], value is not None, value or ""))
    votes = [counts[value] for value in order]
    level = _level(votes, quorum=electorate.has_quorum(check))
    if electorate.reference in voters and len(order) > 1:
        level, right = "reference", _value_of(electorate.reference, ballot)
        order = [right, *(value for value in order if value != right)]
    leads = level in ("agreed", "reference") or votes[0] > votes[1]
    differing = order[1:] if leads else order
    listed = order[1:] if level in _HAS_NORM else order
    holders = {value: _holders(value, ballot, everybody=voters | guests) for value in {*differing, *listed}}
    outliers = tuple(sorted(host for value in differing for host in holders[value]))
    steps, changed = _steps(ballot.steps)
    accepted = electorate.accepted.get(check, frozenset())
    return Finding(
        cohort=electorate.cohort,
        check=check,
        key=key,
        level=level,
        severity=severity(check, key, values={*counts, *(value for pair in ballot.steps for value in pair)}),
        voters=len(voters),
        variants=tuple(Variant(v, counts[v], holders[v] if v in listed else ()) for v in order),
        outliers=outliers,
        steps=steps,
        changed=changed,
        unaccepted=tuple(host for host in outliers if host not in accepted),
        doubted=_of({*outliers, *changed}, guests),
        wide=bool(steps) and level in ("strong", "agreed") and _moved_together(accepted - guests, ballot, now=order[0]),
    )


def _votes(ballot: _Ballot, *, voters: FrozenSet[str], guests: FrozenSet[str]) -> Counter[Text]:
    """Value -> how many vote for it; no vote is an answer, too, of a value that guests alone hold."""
    counts = Counter({value: len(hosts) - len(_of(hosts, guests)) for value, hosts in ballot.apart.items()})
    counts[ballot.usual] = len(voters) - counts.total()
    return counts


def _of(hosts: Iterable[str], guests: Optional[FrozenSet[str]]) -> Tuple[str, ...]:
    return tuple(sorted(guests.intersection(hosts))) if guests else ()


def _holders(value: Text, ballot: _Ballot, *, everybody: FrozenSet[str]) -> Tuple[str, ...]:
    if value != ballot.usual:
        return tuple(sorted(ballot.apart[value]))
    return tuple(sorted(everybody.difference(*ballot.apart.values())))


def _value_of(host: Optional[str], ballot: _Ballot) -> Text:
    return next((value for value, hosts in ballot.apart.items() if host in hosts), ballot.usual)


def _steps(steps: Mapping[Tuple[Text, Text], Tuple[str, ...]]) -> Tuple[Tuple[Step, ...], Tuple[str, ...]]:
    """The steps, most hosts first, and all their hosts."""
    told = [Step(before, after, hosts) for (before, after), hosts in steps.items()]
    told.sort(key=lambda step: (-len(step.hosts), step.before or "", step.after or "", step.hosts))
    return tuple(told), tuple(sorted(host for step in told for host in step.hosts))


def _moved_together(accepted: FrozenSet[str], ballot: _Ballot, *, now: Text) -> bool:
    """Whether those who accepted something agreed strongly then, too, but on another value."""
    counts = Counter({value: len(accepted.intersection(hosts)) for value, hosts in ballot.apart.items()})
    counts[ballot.usual] = len(accepted) - counts.total()
    for (before, after), hosts in ballot.steps.items():
        moved = len(accepted.intersection(hosts))
        counts[after] -= moved
        counts[before] += moved
    value, votes = max(counts.items(), key=lambda entry: entry[1])
    return value != now and _is_strong(votes, len(accepted))


def _level(votes: List[int], *, quorum: bool) -> Level:
    """``votes`` per value, most first."""
    if len(votes) == 1:
        return "agreed"
    if not quorum:
        return "no quorum"
    if _is_strong(votes[0], sum(votes)):
        return "strong"
    return "majority" if 2 * votes[0] > sum(votes) else "split"


def _is_strong(votes: int, voters: int) -> bool:
    return 5 * votes >= 4 * voters and votes >= STRONG_VOTES
