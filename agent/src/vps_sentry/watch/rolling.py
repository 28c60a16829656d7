# SPDX-License-Identifier: GPL-3.0-or-later
"""The rolling re-hash: which files the next ticks read again, so that within a day of uptime all of them are. Pure.

Every content has its turn once in a round. A round takes a day, so that a run reads a 288th of all bytes; where that
is over the hash budget, who holds most (owner below a watch) waits longer, and nobody else.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple

from ..tick.rehash import SLICES
from .index import Index, Records, Slice, unpack

Share = Tuple[int, int]
"""Number of the watch and owner: those who share the budget fairly."""

DAY = 24 * 3600
OVERDUE = 26 * 3600
"""Seconds after which a content not read again is worth a warning."""
TICK = 300
RUNS_A_DAY = DAY // TICK
_AHEAD = SLICES * TICK
_OPENING = 16 * 1024
"""What opening a file costs, as bytes read: ten thousand empty files are no small slice."""
_JITTER = 1800
_PATIENCE = 2
"""Times its usual part that a share may take at once, when files were left over."""


class Content(NamedTuple):
    """A file whose content is watched. Times are seconds of the index's clock; no ``sha256``: not read yet."""

    place: bytes
    size: int
    sha256: str
    read_at: int
    turn: Optional[int]
    """When its last turn was; None before its first."""
    share: Share
    urgent: bool
    """Whether its first turn comes early: root's executables, and what no package explains away."""

    @property
    def weight(self) -> int:
        """What reading it costs, in bytes."""
        return self.size + _OPENING


class Round(NamedTuple):
    """How long all contents of one share take to come round."""

    share: Share
    seconds: int
    oldest: int
    """Seconds since the content read longest ago was read."""


class Plan(NamedTuple):
    """What the next ticks read, what to remember as last turn of contents that had none, and the rounds."""

    slices: Tuple[Slice, ...]
    turns: Dict[bytes, int]
    rounds: Tuple[Round, ...]
    """The longest wait first."""


def now(before: Index, uptime: int) -> int:
    """The index's clock when this machine has been up for ``uptime`` seconds."""
    return before.clock + (uptime - before.uptime if uptime >= before.uptime else uptime)


def progress(before: Index, *, clock: int, run: int) -> Tuple[Records, Slice]:
    """The records with what the ticks have read since, and the slice that run number ``run`` must read itself."""
    done = run - before.run - 1
    if not 0 <= done:
        return before.records, []
    records = dict(before.records)
    for number, entries in enumerate(before.slices[:done]):
        at = before.clock + (clock - before.clock) * (number + 1) // (done + 1)
        for place, _, _ in entries:
            if place in records:
                records[place] = unpack(records[place])._replace(read_at=at, turn=at).pack()
    return records, list(before.slices[done]) if done < len(before.slices) else []


def plan(contents: Iterable[Content], *, clock: int, budget: int, random: Callable[[], float]) -> Plan:
    """What the next ``SLICES`` runs read again of ``contents``, at most ``budget`` bytes a run on average.

    ``random`` gives numbers from 0 to 1: who knows the order could change a file between two looks at it.
    """
    shares: Dict[Share, List[Content]] = {}
    for content in contents:
        shares.setdefault(content.share, []).append(content)
    totals = {share: sum(content.weight for content in owned) for share, owned in shares.items()}
    claims = _claims(totals, RUNS_A_DAY * budget)
    slices: Tuple[Slice, ...] = tuple([] for _ in range(SLICES))
    turns: Dict[bytes, int] = {}
    rounds = []
    for share, owned in shares.items():
        seconds = DAY * totals[share] // max(1, claims[share])
        turns.update(_first_turns(owned, seconds, clock=clock, random=random))
        due = ((_due(content, turns, seconds) - random() * _JITTER, content) for content in owned)
        _deal(_allowed(due, claims[share] * SLICES // RUNS_A_DAY, until=clock + _AHEAD), slices)
        rounds.append(Round(share, seconds, clock - min(content.read_at for content in owned)))
    rounds.sort(key=lambda entry: -entry.oldest)
    return Plan(slices, turns, tuple(rounds))


def _claims(totals: Dict[Share, int], capacity: int) -> Dict[Share, int]:
    """Bytes a day of each share: all it has, or what is left when everybody smaller has got theirs, in equal parts."""
    claims: Dict[Share, int] = {}
    left = capacity
    ordered = sorted(totals.items(), key=lambda entry: entry[1])
    for number, (share, total) in enumerate(ordered):
        claims[share] = min(total, left // (len(ordered) - number))
        left -= claims[share]
    return claims


def _first_turns(owned: List[Content], seconds: int, *, clock: int, random: Callable[[], float]) -> Dict[bytes, int]:
    """As if the contents without a turn had had one, evenly over the last round: all of them begin on one day."""
    new = [(not content.urgent, random(), content) for content in owned if content.turn is None]
    new.sort(key=lambda entry: entry[:2])
    total = max(1, sum(content.weight for _, _, content in new))
    found, before = {}, 0
    for _, _, content in new:
        found[content.place] = clock - seconds + seconds * (before + content.weight // 2) // total
        before += content.weight
    return found


def _due(content: Content, turns: Dict[bytes, int], seconds: int) -> int:
    """When a content is to be read; before all others if it never was."""
    if not content.sha256:
        return content.read_at - DAY
    return (turns[content.place] if content.turn is None else content.turn) + seconds


def _allowed(due: Iterable[Tuple[float, Content]], usual: int, *, until: int) -> List[Content]:
    """What is due before ``until``, the longest wait first, until a share has had its part or one file."""
    ranked = sorted((entry for entry in due if entry[0] < until), key=lambda entry: entry[0])
    waiting = [content for _, content in ranked]
    left = usual * _PATIENCE
    for number, content in enumerate(waiting):
        left -= content.weight
        if left < 0 and number:
            return waiting[:number]
    return waiting


def _deal(chosen: List[Content], slices: Tuple[Slice, ...]) -> None:
    """Add ``chosen``, of one share, to the slices in order and about equal parts: each tick serves every share."""
    total = max(1, sum(content.weight for content in chosen))
    before = 0
    for content in chosen:
        slices[before * SLICES // total].append((content.place, content.size, bytes.fromhex(content.sha256)))
        before += content.weight
