# SPDX-License-Identifier: GPL-3.0-or-later
"""Acceptance: exactly what was reviewed, kept, named and told."""

from __future__ import annotations

from pathlib import Path
from typing import Dict

import pytest
from support.runs import World, shipped, standing
from vps_sentry.accept import Request
from vps_sentry.errors import ConfigError, MovedError, StoreError


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    return World(tmp_path, items={"a": {"n": 1}, "b": {"n": 2}})


def test_a_failed_check_keeps_its_accepted_items(world: World) -> None:
    world.accept()
    world.failing = "gone"
    result = world.accept()

    assert {"a", "b"} == set(result.report.baseline.checks["things"])
    assert result.outcome is not None
    assert ("things",) == result.outcome.proposal.plan.not_checked


def test_a_dry_run_changes_nothing_and_its_plan_can_be_accepted_later(world: World) -> None:
    world.accept()
    world.items["a"] = {"n": 9}
    before = snapshot_of(world.path / "state", but="plans")
    outcome = world.accept(dry_run=True).outcome
    assert outcome is not None
    assert before == snapshot_of(world.path / "state", but="plans")

    world.items["log"] = {"n": 77}
    accepted = world.accept(digest=outcome.proposal.plan.name)

    assert {"a": {"n": 9}, "b": {"n": 2}} == accepted.report.baseline.checks["things"]
    assert {("thing_added", "open", "log")} == set(standing(accepted.report))


@pytest.mark.weakness(4)
def test_a_plan_whose_item_moved_is_refused_and_told(world: World) -> None:
    world.accept()
    world.items["a"] = {"n": 9}
    plan = world.accept(dry_run=True).outcome
    assert plan is not None
    world.items["a"] = {"n": 10}
    refused = world.accept(digest=plan.proposal.plan.name)

    assert refused.outcome is not None
    assert ("refused", ("things a is no longer as reviewed",)) == (refused.outcome.kind, refused.outcome.refusals)
    assert 1 == refused.report.baseline.sequence
    assert any("refused" in entry.note for entry in shipped(world))


def test_a_plan_is_refused_once_the_sequence_moved(world: World) -> None:
    plan = world.accept(dry_run=True).outcome
    assert plan is not None
    world.accept()
    refused = world.accept(digest=plan.proposal.plan.name).outcome

    assert refused is not None
    assert ("the baseline is #1 now, the plan starts from #0",) == refused.refusals


def test_an_unknown_plan_says_how_to_make_one(world: World) -> None:
    with pytest.raises(MovedError, match="--dry-run"):
        world.accept(digest="sha256:" + "0" * 64)


def test_only_accepts_what_is_named(world: World) -> None:
    world.accept()
    world.items.update(a={"n": 9}, b={"n": 9})
    report = world.accept(only=("things:a",)).report

    assert {"a": {"n": 9}, "b": {"n": 2}} == report.baseline.checks["things"]
    assert {("thing_changed", "open", "b")} == set(standing(report))


def test_accepted_facts_are_known_and_no_baseline_items(world: World) -> None:
    world.learnable = {"login anna": {"user": "anna"}}
    result = world.accept()

    assert result.outcome is not None
    assert "login anna" in [change.key for change in result.outcome.proposal.changes]
    assert "login anna" not in result.report.baseline.checks["things"]
    assert {} == world.run().report.observations["things"].learnable


def test_signed_mode_only_proposes(world: World) -> None:
    result = world.accept(Request(by="anna", signed=True))

    assert result.outcome is not None
    assert "proposed" == result.outcome.kind
    assert world.store.read("baseline.json") is None


def test_critical_items_are_named_in_the_acceptance(world: World) -> None:
    world.items["root key"] = {"n": 1}
    world.accept()

    assert "1 critical: things root key" in shipped(world)[0].note


def snapshot_of(path: Path, *, but: str) -> Dict[str, bytes]:
    files = (entry for entry in path.rglob("*") if entry.is_file() and but not in entry.parts and entry.name != "lock")
    return {str(entry): entry.read_bytes() for entry in files}


def test_a_rollback_is_a_new_baseline_with_the_old_items(world: World) -> None:
    world.accept()
    world.items["a"] = {"n": 9}
    world.accept()
    back = world.accept(rollback=1)

    assert back.outcome is not None
    assert ("rolled-back", 3) == (back.outcome.kind, back.report.baseline.sequence)
    assert {"a": {"n": 1}, "b": {"n": 2}} == back.report.baseline.checks["things"]
    assert "back to #1: reviewed" == back.report.baseline.reason
    assert {("thing_changed", "open", "a")} == set(standing(back.report))
    assert any("baseline #3 rolled-back by anna" in entry.note for entry in shipped(world))


def test_a_rollback_to_what_is_not_kept_is_refused(world: World) -> None:
    world.accept()

    with pytest.raises(StoreError, match="no baseline #7 is kept"):
        world.accept(rollback=7)
    with pytest.raises(MovedError, match="signed plan"):
        world.accept(rollback=1, signed=True)


def test_a_selector_that_means_nothing_accepts_nothing(world: World) -> None:
    with pytest.raises(ConfigError, match="--only things:typo means nothing here"):
        world.accept(only=("things:typo",))
    assert world.store.read("baseline.json") is None


def test_a_dry_run_leaves_damage_to_be_told(world: World) -> None:
    world.accept()
    world.store.write("alerts.json", b"{torn")
    world.accept(dry_run=True)

    assert "state_damaged" in {code for code, _, _ in standing(world.run().report)}


def test_a_plan_lives_for_a_day(world: World) -> None:
    plan = world.accept(dry_run=True).outcome
    assert plan is not None
    world.now += 24 * 3600
    refused = world.accept(digest=plan.proposal.plan.name).outcome

    assert refused is not None
    assert ("refused", f"the plan expired at {plan.proposal.plan.expires}") == (refused.kind, refused.refusals[0])
