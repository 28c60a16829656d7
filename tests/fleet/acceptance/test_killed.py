# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed at every step of applying a plan, controller and hosts alike: nobody is left in between, and it goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import chain, log, mirror
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store, open_store
from support.garden import Garden
from support.mortal import CHANGED, NAMES, garden_in, url_of
from support.tree import ROOT

OLD, NEW = (1, {"a": {"n": 1}, "b": {"n": 2}}), (2, {"a": CHANGED, "b": {"n": 2}})
PATHS = os.pathsep.join(map(str, (ROOT / "tests", ROOT / "agent/src", ROOT / "collections")))


@pytest.fixture(scope="module", name="killed")
def _killed(tmp_path_factory: pytest.TempPathFactory) -> Tuple[Path, List[Path]]:
    """The plan, and what each killed process left; the last one was not killed."""
    base = tmp_path_factory.mktemp("mortal") / "garden"
    base.mkdir()
    with open_store(url_of(base), environ={}) as store:
        garden = Garden(base, store, *NAMES)
        garden.collect()
        garden.apply(garden.plan())
        for world in garden.hosts.values():
            world.items["a"] = dict(CHANGED)
        garden.collect()
        plan = garden.plan(reason="the new motd").rename(base.parent / "plan.json")
    program = [sys.executable, str(ROOT / "tests/support/mortal.py"), str(base), str(plan)]
    done = subprocess.run(program, env={**os.environ, "PYTHONPATH": PATHS}, capture_output=True, text=True, timeout=540)
    assert done.returncode == 0, done.stderr
    left = sorted(base.parent.glob("garden.*"), key=lambda folder: int(folder.suffix[1:]))
    return plan, left


def held(garden: Garden) -> Dict[str, Tuple[int, object]]:
    """What each host holds as accepted, by its own state."""
    found = {name: garden.baseline(name) for name in NAMES}
    return {name: (one.sequence, one.checks["things"]) for name, one in found.items()}


def broken(store: Store) -> List[str]:
    with store.read() as connection:
        return [*chain.breaks(log.entries(connection), heads=log.heads(connection)), *mirror.differences(store)]


def test_each_host_is_old_or_new_and_the_store_agrees_or_says_pending(killed: Tuple[Path, List[Path]]) -> None:
    seen = []
    for folder in killed[1]:
        with open_store(url_of(folder), environ={}) as store:
            garden = garden_in(folder, store)
            now = held(garden)
            seen.append(tuple(now[name][0] for name in NAMES))
            for name in NAMES:
                assert now[name] in (OLD, NEW), folder.name
                assert_agreed(garden, name, now[name][0])
            assert broken(store) == [], folder.name

    # Before anything was done, between one host and the other, and after everything was.
    assert len(seen) > 40
    assert sorted(set(seen)) == [(1, 1), (2, 1), (2, 2)]
    assert seen == sorted(seen)


def assert_agreed(garden: Garden, name: str, sequence: int) -> None:
    """What the store says about a host that holds baseline ``sequence``."""
    row, recorded = garden.rows()[name], garden.recorded(name)
    assert recorded in (1, sequence)
    assert (row.state == "active") == (recorded == row.sequence)
    # Of a plan that was not begun when the controller died, nothing is on record.
    if row.sequence == 1:
        assert sequence == 1
    elif sequence == 1:
        assert row.state == "pending"


def test_it_goes_on_from_everywhere(killed: Tuple[Path, List[Path]]) -> None:
    """By beginning the plan again; in every other copy by a collect alone, which hands over the rest."""
    plan, left = killed
    for number, folder in enumerate(left):
        with open_store(url_of(folder), environ={}) as store:
            garden = garden_in(folder, store)
            for world in garden.hosts.values():
                world.now += 7200
            begun = {row.sequence for row in garden.rows().values()} == {2}
            if number % 2 and begun:
                garden.collect()
                garden.hand_over()
            else:
                garden.apply(plan, canary=False)

            assert held(garden) == dict.fromkeys(NAMES, NEW), folder.name
            assert set(garden.states().values()) == {"active"}, folder.name
            assert [garden.recorded(name) for name in NAMES] == [2, 2], folder.name
            assert garden.doubts() == [], folder.name
            garden.desk.recap(plan)
            assert broken(store) == [], folder.name
