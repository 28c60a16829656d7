# SPDX-License-Identifier: GPL-3.0-or-later
"""Acceptance from review to record, with real agents' runs: exactly what was reviewed, and everybody accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import schema
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import delivery
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.planfile import PlanError
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store, open_store
from support.garden import Garden

NAMES = ("web-1", "web-2", "web-3", "web-4", "web-5")


@pytest.fixture(name="garden")
def _garden(tmp_path: Path, store: Store) -> Garden:
    return Garden(tmp_path, store, *NAMES)


@pytest.fixture(name="settled")
def _settled(garden: Garden) -> Garden:
    """A fleet whose first baselines were accepted from here."""
    garden.collect()
    garden.apply(garden.plan())
    assert {"active"} == set(garden.states().values())
    return garden


def test_the_first_acceptance_of_a_fleet(tmp_path: Path, any_store: Store) -> None:
    garden = Garden(tmp_path, any_store, *NAMES)
    garden.collect()
    garden.apply(garden.plan())

    for name in NAMES:
        baseline = garden.baseline(name)
        assert (1, {"things": {"a": {"n": 1}, "b": {"n": 2}}}) == (baseline.sequence, baseline.checks)
        assert ("active", 1) == (garden.states()[name], garden.recorded(name))
    assert [] == garden.doubts()


def test_one_moves_one_is_down_one_is_busy(settled: Garden) -> None:
    for world in settled.hosts.values():
        world.items["a"] = {"n": 9}
    settled.collect()
    plan = settled.plan(reason="the new motd")
    settled.hosts["web-1"].items["a"] = {"n": 10}
    settled.hosts["web-3"].items["log"] = {"n": 77}
    settled.apply(plan, down=("web-2",))

    assert {
        "web-1": "stale",
        "web-2": "pending",
        "web-3": "active",
        "web-4": "active",
        "web-5": "active",
    } == settled.states()
    assert "things a is no longer as reviewed" == settled.rows()["web-1"].reason
    assert "log" not in settled.baseline("web-3").checks["things"]
    told = settled.desk.recap(plan)
    assert 4 == told.exit_code
    assert "active 3  accepted 0  pending 1  stale 1  refused 0" in told.text

    settled.hand_over()
    assert "active" == settled.states()["web-2"]
    assert [] == settled.doubts()


def test_a_controller_that_dies_after_asking_believes_the_next_bundle(settled: Garden) -> None:
    for world in settled.hosts.values():
        world.items["a"] = {"n": 9}
    settled.collect()
    plan = settled.plan()
    settled.desk.begin(plan, {"max": "100%", "canary": False})
    handed = delivery.take_up(settled.store, "web-1")
    assert handed is not None
    settled.answer("web-1", handed.order)
    # Killed here: nobody heard the answer.
    assert "pending" == settled.states()["web-1"]
    settled.collect("web-1")

    assert ("active", 2) == (settled.states()["web-1"], settled.recorded("web-1"))
    assert [] == settled.doubts()
    settled.desk.begin(plan, {"max": "100%", "canary": False})
    settled.hand_over()
    assert {"active"} == set(settled.states().values())


def test_what_a_host_accepts_by_itself_is_told_and_not_planned_over(settled: Garden) -> None:
    settled.hosts["web-1"].items["a"] = {"n": 9}
    settled.hosts["web-1"].accept()
    settled.collect()

    assert [("web-1", "local_accept")] == settled.doubts()
    told = settled.desk.plan({}, folder=settled.path)
    assert "web-1: not believed, local_accept" in told.text
    assert "hosts adopt web-1" in told.text


def test_who_replaced_the_agent_gets_no_plan_until_a_person_looked(settled: Garden) -> None:
    settled.releases = {"web-1": "sha256:" + "a" * 64}
    settled.collect()
    settled.releases = {"web-1": "sha256:" + "b" * 64}
    for world in settled.hosts.values():
        world.items["a"] = {"n": 9}
    settled.collect()
    told = settled.desk.plan({}, folder=settled.path)

    assert ("web-1", "agent_changed") in settled.doubts()
    assert "web-1: not believed, agent_changed" in told.text
    assert ["web-2", "web-3", "web-4", "web-5"] == [host["name"] for host in told.document["hosts"]]


def test_for_a_time(settled: Garden) -> None:
    settled.hosts["web-1"].items["a"] = {"n": 9}
    settled.collect()
    settled.apply(settled.plan(expires="2h"))
    world = settled.hosts["web-1"]
    world.now += 2 * 3600 + 1
    settled.collect("web-1")

    # The host's clock runs ahead of the controller's here: what gave way too early is not what was agreed.
    assert [("web-1", "local_accept")] == settled.doubts()


def test_a_rollback_is_a_plan_too(settled: Garden) -> None:
    for world in settled.hosts.values():
        world.items["a"] = {"n": 9}
    settled.collect()
    settled.apply(settled.plan())
    settled.apply(settled.plan(rollback=0, reason="the motd was wrong"))

    assert {"active"} == set(settled.states().values())
    for name in NAMES:
        assert (3, {"n": 1}) == (settled.baseline(name).sequence, settled.baseline(name).checks["things"]["a"])
        assert 3 == settled.recorded(name)
    assert [] == settled.doubts()


def test_canaries_hold_the_others_back(garden: Garden) -> None:
    for number in range(6, 13):
        garden.add(f"web-{number:02}")
    garden.collect()
    plan = garden.plan()
    garden.hosts["web-06"].items["a"] = {"n": 10}
    garden.apply(plan)

    states = garden.states()
    assert "stale" == states.pop("web-06")
    assert {"pending"} == set(states.values())
    assert "waits until web-06 hold it" in garden.rows()["web-2"].reason


class TestRefusedAsAWhole:
    """What must not be applied at all changes nothing anywhere, and says why."""

    def test_too_many(self, garden: Garden) -> None:
        garden.collect()
        with pytest.raises(PlanError, match="say max=5"):
            garden.desk.begin(garden.plan(), {})
        assert {} == garden.states()

    def test_of_another_store(self, garden: Garden, tmp_path: Path) -> None:
        garden.collect()
        plan = garden.plan()
        with open_store(f"sqlite:///{tmp_path}/other.sqlite", environ={}) as other:
            second = Garden(tmp_path / "second", other, *NAMES)
            second.collect()
            with pytest.raises(PlanError, match="the plan is for fleet"):
                second.desk.begin(plan, {"max": "100%"})

    def test_two_people_at_once(self, settled: Garden) -> None:
        settled.hosts["web-1"].items["a"] = {"n": 9}
        settled.collect()
        first, second = settled.plan(reason="first"), settled.plan(reason="second")
        settled.desk.begin(first, {})
        told = settled.desk.begin(second, {})

        assert "not asked: web-1: plan" in told.text
        settled.hand_over()
        assert 2 == settled.recorded("web-1")

    def test_a_store_put_back_to_an_older_backup(self, settled: Garden) -> None:
        settled.hosts["web-1"].items["a"] = {"n": 9}
        settled.collect()
        plan = settled.plan()
        with settled.store.write() as connection:
            connection.execute(schema.audit.delete())
        with pytest.raises(PlanError, match="put back to an older backup"):
            settled.desk.begin(plan, {})
