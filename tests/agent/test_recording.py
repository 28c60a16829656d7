# SPDX-License-Identifier: GPL-3.0-or-later
"""A power cut at any write of a run: nothing is lost, nothing is trusted, the next run tells it all."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Iterable, Set

import pytest
from support.runs import World, shipped, standing
from vps_sentry import history, memory, observations
from vps_sentry.accept import Request
from vps_sentry.pipeline import run_once
from vps_sentry.setup import Setup
from vps_sentry.store import Store
from vps_sentry.tick import record


class PowerCutError(BaseException):
    """Nothing may catch it: the machine is off."""


@dataclass
class Cut:
    """Lets ``after`` writes happen, then no more."""

    after: int
    names: Set[str] = field(default_factory=set)

    def spend(self, name: str) -> None:
        if self.after == 0:
            raise PowerCutError
        self.after -= 1
        self.names.add(name)


class FailingStore(Store):
    """A store on a machine that loses power."""

    def __init__(self, path: str, cut: Cut) -> None:
        super().__init__(path)
        self._cut = cut

    def write_pieces(self, name: str, pieces: Iterable[bytes], *, mode: int = 0o600) -> None:
        self._cut.spend(name)
        super().write_pieces(name, pieces, mode=mode)


def interrupted(world: World, after: int) -> bool:
    """One run whose power is cut after so many writes; whether it was."""
    world.now += 300
    setup: Setup = world.setup()
    cut = Cut(after)
    try:
        run_once(replace(setup, store=FailingStore(str(setup.store.path), cut)))
    except PowerCutError:
        return True
    return False


WRITES = range(12)


@pytest.mark.weakness(1)
@pytest.mark.parametrize("after", WRITES)
def test_an_alert_survives_a_power_cut(tmp_path: Path, after: int) -> None:
    world = World(tmp_path, items={"a": {"n": 1}})
    world.accept()
    world.items["a"] = {"n": 9}
    interrupted(world, after)
    report = world.run().report

    assert ("thing_changed", "a") in {(code, key) for code, _, key in standing(report)}
    assert "accepted" == report.baseline.status
    told = [alert.key for entry in shipped(world) for alert in entry.alerts]
    assert "a" in told


@pytest.mark.parametrize("after", WRITES)
def test_a_lost_baseline_is_not_found_again_by_a_power_cut(tmp_path: Path, after: int) -> None:
    world = World(tmp_path, items={"a": {"n": 1}})
    world.accept()
    (world.path / "state/baseline.json").unlink()
    interrupted(world, after)

    assert ("baseline_lost", "baseline") in {(code, key) for code, _, key in standing(world.run().report)}


def test_the_table_of_cuts_reaches_past_the_end_of_a_run(tmp_path: Path) -> None:
    world = World(tmp_path, items={"a": {"n": 1}})
    world.accept()
    world.items["a"] = {"n": 9}

    assert not interrupted(world, max(WRITES))


def test_cursors_move_last(tmp_path: Path) -> None:
    """A cursor that moved before its report was on disk would skip what the report said."""
    order = []

    class Noting(Store):
        def write_pieces(self, name: str, pieces: Iterable[bytes], *, mode: int = 0o600) -> None:
            order.append(name)
            super().write_pieces(name, pieces, mode=mode)

    world = World(tmp_path, items={"a": {"n": 1}})
    setup = world.setup()
    run_once(replace(setup, store=Noting(str(setup.store.path))))
    first = {name: position for position, name in reversed(list(enumerate(order)))}
    entry = next(name for name in order if name.startswith("outbox/"))

    assert first["last.json"] < first[entry] < first[memory.ALERTS] < first[memory.CURSORS] < first["stamps/tick"]


def test_an_observation_comes_back_as_it_was(tmp_path: Path) -> None:
    world = World(tmp_path, items={"a": {"n": 1}}, learnable={"login anna": {"user": "anna"}})
    seen = world.run().report.observations["things"]
    stored = observations.load(world.store, "things")

    assert stored is not None
    assert (seen.status, seen.items, seen.learnable) == (stored.status, stored.items, stored.learnable)
    world.store.write("snapshot/things.json", b"torn")
    assert observations.load(world.store, "things") is None


@pytest.mark.parametrize("after", range(8))
def test_an_acceptance_is_never_without_a_trace(tmp_path: Path, after: int) -> None:
    world = World(tmp_path, items={"a": {"n": 1}})
    setup = world.setup()
    with contextlib.suppress(PowerCutError):
        run_once(replace(setup, store=FailingStore(str(setup.store.path), Cut(after))), Request(by="anna"))

    if world.store.read("baseline.json") is not None:
        assert ["accepted"] == [entry.kind for entry in history.entries(world.store)]
        assert "acceptance" in [entry.kind for entry in shipped(world)]


def due(world: World) -> int:
    """Seconds from the last run to the next one that is due at the latest."""
    return record.loads((world.path / "state" / record.FILE).read_bytes())[0] - world.now


def test_the_next_run_is_due_when_something_happens_by_itself(tmp_path: Path) -> None:
    world = World(tmp_path, items={"root key": {"n": 1}}, sinks={})
    world.accept()
    assert 24 * 3600 == due(world)

    world.sinks = World(tmp_path).sinks
    world.items["root key"] = {"n": 9}
    world.run()
    # The message should have left the outbox within the hour.
    assert 3600 == due(world)

    world.run(after=7200)
    # Now it is said to be stuck, and being stuck alone wakes nobody again.
    assert 3600 < due(world)
    for wait in (1800, 1800):
        # The first of these runs has an end to tell: that of being stuck.
        for name in world.store.names("outbox"):
            world.store.remove(f"outbox/{name}")
        world.run(after=wait)
    # A critical is told again a day after it was told.
    assert 21 * 3600 == due(world)


def test_the_root_of_a_check_that_did_not_look_is_the_one_remembered(tmp_path: Path) -> None:
    """To take the digest of two thousand unmoved items costs as much as starting Python."""
    remembered = {"things": "sha256:of the last run"}
    report = World(tmp_path, items={"a": {"n": 1}}).run().report
    unmoved = report._replace(cost=report.cost._replace(checks={}))

    assert report.roots({}) == report.roots(remembered)
    assert remembered == unmoved.roots(remembered)
    assert report.roots({}) == unmoved.roots({})
