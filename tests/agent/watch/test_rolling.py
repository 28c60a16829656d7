# SPDX-License-Identifier: GPL-3.0-or-later
"""The rolling re-hash: everything within a day, a fair share for everybody, in an order nobody can foresee."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Dict, List, Optional

import pytest
from vps_sentry.tick.rehash import SLICES
from vps_sentry.watch import rolling
from vps_sentry.watch.index import Index, Record, Records, Slice, unpack
from vps_sentry.watch.rolling import DAY, RUNS_A_DAY, TICK, Content

MIB = 1024 * 1024
HOUR = 3600
HASH = "ab" * 32


@dataclass
class Host:
    """A host that ticks: ``files`` by place, each read again when the plan says so."""

    files: Dict[bytes, Content]
    budget: int = 256 * MIB
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    clock: int = 0
    gaps: Dict[bytes, int] = field(default_factory=dict)
    """The longest time between two looks at each."""
    read: List[int] = field(default_factory=list)
    """Bytes read by each tick."""

    def days(self, number: float, *, busy: float = 1 / 12) -> None:
        """So many days of ticks; a part of them, ``busy``, looks in full and plans anew, as others do when used up."""
        slices: List[Slice] = []
        for _ in range(int(number * RUNS_A_DAY)):
            if not slices or self.chance.random() < busy:
                plan = rolling.plan(
                    list(self.files.values()), clock=self.clock, budget=self.budget, random=self.chance.random
                )
                self.files.update({place: self.files[place]._replace(turn=turn) for place, turn in plan.turns.items()})
                slices = list(plan.slices)
            self.clock += TICK
            self.read.append(sum(self._read(place) for place, _, _ in slices.pop(0)))

    def _read(self, place: bytes) -> int:
        content = self.files[place]
        self.gaps[place] = max(self.gaps.get(place, 0), self.clock - content.read_at)
        self.files[place] = content._replace(read_at=self.clock, turn=self.clock, sha256=HASH)
        return content.size


def contents(
    name: str, sizes: List[int], *, owner: int = 0, watch: int = 0, urgent: bool = False
) -> Dict[bytes, Content]:
    made = (
        Content(f"{name}/{n}".encode(), size, HASH, 0, None, (watch, owner), urgent) for n, size in enumerate(sizes)
    )
    return {content.place: content for content in made}


def ordinary() -> Dict[bytes, Content]:
    """Much like /etc, /usr/bin and homes: many small files, a few large ones, an account with a single file."""
    chance = random.Random(2)
    files = contents("/usr/bin", [chance.randrange(1000, 400_000) for _ in range(1500)], urgent=True, watch=1)
    files.update(contents("/etc", [chance.randrange(0, 8000) for _ in range(1800)]))
    files.update(contents("/boot", [60 * MIB, 40 * MIB, 8 * MIB], watch=2))
    files.update(contents("/home/a", [3000], owner=1000, watch=3))
    return files


@pytest.mark.parametrize(
    "busy",
    [
        pytest.param(0.0, id="quiet but for the slices being used up"),
        pytest.param(1 / 12, id="stamps bypassed at random"),
        pytest.param(1.0, id="something moves at every tick"),
    ],
)
def test_every_content_is_read_within_a_day(busy: float) -> None:
    """A4: what no time stamp shows is found within 24 hours of uptime; 26 hours are worth a warning."""
    host = Host(ordinary())
    host.days(4, busy=busy)

    assert set(host.gaps) == set(host.files)
    assert max(host.gaps.values()) <= rolling.OVERDUE
    assert sum(gap > 25 * HOUR for gap in host.gaps.values()) <= len(host.gaps) // 20


def test_a_tick_reads_a_288th() -> None:
    host = Host(ordinary())
    host.days(4)
    total = sum(content.size for content in host.files.values())

    assert sum(host.read) / len(host.read) == pytest.approx(total / RUNS_A_DAY, rel=0.1)
    assert sorted(host.read)[len(host.read) // 2] <= 1.5 * total / RUNS_A_DAY


def test_many_empty_files_are_no_empty_slice() -> None:
    host = Host(contents("/w", [0] * 28_800))
    plan = rolling.plan(list(host.files.values()), clock=DAY, budget=host.budget, random=host.chance.random)

    assert {len(entries) for entries in plan.slices} <= set(range(100, 130))


def test_who_fills_a_disk_makes_only_his_own_round_longer() -> None:
    """A5: root's files keep their day; the starved round is named, in days."""
    files = ordinary()
    files.update(contents("/home/a/.ssh", [60 * MIB] * 3000, owner=1000, watch=3))
    host = Host(files, budget=64 * MIB)
    host.days(3)

    assert max(gap for place, gap in host.gaps.items() if not place.startswith(b"/home")) <= rolling.OVERDUE
    assert max(host.read) <= 4 * 64 * MIB
    plan = rolling.plan(list(files.values()), clock=host.clock, budget=host.budget, random=host.chance.random)
    slow = [entry.share for entry in plan.rounds if entry.seconds > DAY]
    assert slow == [(3, 1000)]
    assert 9 * DAY <= max(entry.seconds for entry in plan.rounds) <= 12 * DAY


def test_new_files_of_a_user_do_not_push_roots_files_back() -> None:
    """A5: files never read yet come first only within their owner's own share."""
    host = Host(ordinary())
    host.days(1)
    host.files.update(
        (place, content._replace(sha256="", read_at=host.clock))
        for place, content in contents("/home/a/.ssh", [200 * MIB] * 300, owner=1000, watch=3).items()
    )
    host.days(2)

    assert max(gap for place, gap in host.gaps.items() if not place.startswith(b"/home")) <= rolling.OVERDUE


def test_the_urgent_come_first() -> None:
    """A5: root's executables and what no package explains away, when all were read at the same time."""
    files = list(ordinary().values())
    half = [content._replace(share=(0, 0), urgent=number % 2 == 0, size=1000) for number, content in enumerate(files)]
    plan = rolling.plan(half, clock=HOUR, budget=MIB, random=random.Random(3).random)
    urgent = {content.place for content in half if content.urgent}

    assert {place for entries in plan.slices for place, _, _ in entries} < urgent


def test_what_was_never_read_comes_before_all() -> None:
    files = list(contents("/w", [1000] * 500, urgent=True).values())
    files[77] = files[77]._replace(sha256="", urgent=False, read_at=HOUR)
    plan = rolling.plan(files, clock=HOUR, budget=MIB, random=random.Random(3).random)

    assert plan.slices[0][0] == (b"/w/77", 1000, b"")


def test_nobody_can_foresee_the_order() -> None:
    files = list(contents("/w", [1000] * 2000).values())
    orders = {
        tuple(rolling.plan(files, clock=HOUR, budget=MIB, random=random.Random(seed).random).slices[0][0])
        for seed in range(8)
    }

    assert len(orders) > 4


def test_nothing_watched_is_no_plan() -> None:
    plan = rolling.plan([], clock=5, budget=MIB, random=random.random)

    assert plan == ((([],) * SLICES), {}, ())


RECORDS: Records = {name: Record(b"s", HASH, {}, 100, 90).pack() for name in (b"/a", b"/b", b"/c")}
ONE_EACH = tuple([(b"/" + name, 1, b"")] for name in (b"a", b"b", b"c"))


@pytest.mark.parametrize(
    ("run", "read_at", "due"),
    [
        pytest.param(10, [100, 100, 100], None, id="the very run that wrote it"),
        pytest.param(11, [100, 100, 100], b"/a", id="the next run reads the first slice itself"),
        pytest.param(12, [1300, 100, 100], b"/b", id="one quiet tick has read one"),
        pytest.param(13, [1200, 1400, 100], b"/c", id="two, halfway and later"),
        pytest.param(14, [1150, 1300, 1450], None, id="used up"),
        pytest.param(9, [100, 100, 100], None, id="a heartbeat from the past"),
    ],
)
def test_what_the_ticks_have_read_counts(run: int, read_at: List[int], due: Optional[bytes]) -> None:
    before = Index(RECORDS, clock=1000, uptime=50, run=10, slices=ONE_EACH)
    records, slice_ = rolling.progress(before, clock=1600, run=run)

    assert [place for place, _, _ in slice_] == ([due] if due else [])
    assert [unpack(record).read_at for record in records.values()] == read_at
    assert [unpack(record).turn for record in records.values()] == [at if at != 100 else 90 for at in read_at]


@pytest.mark.parametrize(
    ("uptime", "expected"),
    [
        pytest.param(80, 1030, id="the same boot"),
        pytest.param(50, 1000, id="no time has passed"),
        pytest.param(20, 1020, id="rebooted: what ran since boot counts, the time it was off does not"),
    ],
)
def test_the_clock_counts_uptime(uptime: int, expected: int) -> None:
    assert rolling.now(Index({}, clock=1000, uptime=50), uptime) == expected
