# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of acceptances: every request that changed or refused something, readable for ever."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.runs import World
from vps_sentry import history
from vps_sentry.errors import StoreError


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    return World(tmp_path, items={"a": {"n": 1}, "root key": {"n": 2}})


def test_each_acceptance_is_an_entry(world: World) -> None:
    world.accept(dry_run=True)
    plan = world.accept(dry_run=True).outcome
    world.accept()
    assert plan is not None
    world.accept(digest=plan.proposal.plan.name)
    world.accept(signed=True)
    entries = list(history.entries(world.store))

    assert ["accepted", "refused", "proposed"] == [entry.kind for entry in entries]
    assert [("anna", "reviewed")] * 3 == [(entry.by, entry.reason) for entry in entries]
    assert ("things root key",) == entries[0].critical
    assert (2, 0, 0) == entries[0].counts


def test_a_sentence_says_who_what_and_why(world: World) -> None:
    world.accept()
    (entry,) = history.entries(world.store)

    wanted = "baseline #1 accepted by anna (2 added, 0 changed, 0 removed): reviewed; 1 critical: things root key"
    assert wanted == entry.sentence()


def test_the_log_names_a_few_and_counts_all(world: World) -> None:
    world.items = {f"root key {number}": {"n": number} for number in range(9)}
    world.accept()
    (entry,) = history.entries(world.store)

    assert entry.sentence(names=2).endswith("9 critical: things root key 0, things root key 1 and 7 more")
    assert entry.sentence().endswith("things root key 8")


def test_a_damaged_entry_is_named(world: World) -> None:
    world.accept()
    (name,) = (name for name in world.store.names("history") if name.endswith("-accepted.json"))
    world.store.write(f"history/{name}", b'{"schema":1}')

    with pytest.raises(StoreError, match=f"{name} is damaged"):
        list(history.entries(world.store))
