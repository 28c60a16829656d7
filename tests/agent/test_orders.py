# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller's acceptance: exactly the reviewed items, once, by whom it may be, or refused in a sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Tuple

import pytest
from support.orders import FLEET, STORE, order_for, plan_of, rollback_order
from support.runs import NOW, World, shipped, standing
from vps_sentry import memory, orders
from vps_sentry.accept import Outcome, Request
from vps_sentry.core.clock import rfc3339
from vps_sentry.core.order import Order
from vps_sentry.core.plan import Plan


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    return World(tmp_path, items={"a": {"n": 1}, "b": {"n": 2}})


def obey(world: World, order: Order, **said: Any) -> Outcome:
    outcome = world.accept(Request(by="anna (claimed, by the controller)", order=order, **said)).outcome
    assert outcome is not None
    return outcome


def test_an_order_is_obeyed_to_the_letter_and_told(world: World) -> None:
    world.accept()
    world.items["a"] = {"n": 9}
    order = order_for(plan_of(world))
    # An unrelated file that changes all the time neither stops the order nor becomes trusted by it.
    world.items["log"] = {"n": 77}
    outcome = obey(world, order)

    baseline = outcome.baseline
    assert ("accepted", 2, {"a": {"n": 9}, "b": {"n": 2}}) == (
        outcome.kind,
        baseline.sequence,
        baseline.checks["things"],
    )
    assert (FLEET, STORE, "") == (
        baseline.authority.fleet_id,
        baseline.authority.store_id,
        baseline.authority.signers,
    )
    assert [("thing_added", "open", "log")] == standing(world.run().report)
    assert any("baseline #2 accepted by anna (claimed, by the controller)" in entry.note for entry in shipped(world))
    assert memory.recall(world.store).baseline == baseline


def test_a_controller_that_heard_no_answer_asks_again(world: World) -> None:
    order = order_for(plan_of(world))
    obey(world, order)
    entry = orders.carried_out(world.store, memory.recall(world.store).baseline, order=order)

    assert entry is not None
    assert ("accepted", 1) == (entry.kind, entry.sequence)
    # Somebody accepted after it: the order is no longer the last word.
    world.items["a"] = {"n": 3}
    world.accept()
    assert orders.carried_out(world.store, memory.recall(world.store).baseline, order=order) is None
    assert ("the baseline is #2 now, the plan starts from #0",) == obey(world, order).refusals


def _other_items(order: Order) -> Order:
    assert order.plan is not None
    return replace(order, plan=replace(order.plan, items=order.plan.items[:1]))


def _twice(order: Order) -> Order:
    assert order.plan is not None
    return order_for(replace(order.plan, items=order.plan.items * 2))


def _for_other_baseline(order: Order) -> Order:
    assert order.plan is not None
    plan = replace(order.plan, sequence=7)
    fitting = order_for(plan)
    leaf = replace(fitting.leaf, sequence=0)
    return replace(fitting, leaf=leaf, manifest=replace(fitting.manifest, leaves=(leaf.name,)))


def _machine(order: Order) -> Order:
    assert order.plan is not None
    return order_for(replace(order.plan, machine_id="f" * 32))


def _schema(order: Order) -> Order:
    assert order.plan is not None
    return order_for(replace(order.plan, schema=2))


BAD: Tuple[Tuple[str, Callable[[Order], Order], str], ...] = (
    ("edited after review", _other_items, "its digest differs"),
    ("an item twice, to slip in two values", _twice, "names an item twice"),
    ("plan and leaf disagree", _for_other_baseline, "another baseline"),
    ("another host's", _machine, "made for machine ffff"),
    ("of a newer controller", _schema, "upgrade the agent"),
    ("leaf of no manifest", lambda o: replace(o, manifest=replace(o.manifest, leaves=())), "does not name"),
    ("expired", lambda o: replace(o, manifest=replace(o.manifest, expires=rfc3339(NOW))), "the plan expired at"),
    ("no time", lambda o: replace(o, manifest=replace(o.manifest, expires="soon")), "is no time: 'soon'"),
    ("neither plan nor rollback", lambda o: replace(o, plan=None), "either a plan or a rollback"),
    ("both", lambda o: replace(o, rollback=1), "either a plan or a rollback"),
)


@pytest.mark.parametrize(("make", "reason"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_what_does_not_fit_is_refused_and_told(world: World, make: Callable[[Order], Order], reason: str) -> None:
    order = make(order_for(plan_of(world)))
    refused = obey(world, order)

    assert "refused" == refused.kind
    assert any(reason in problem for problem in refused.refusals), refused.refusals
    assert world.store.read("baseline.json") is None
    assert any("refused" in entry.note for entry in shipped(world))


def test_an_item_that_moved_since_is_refused_by_name(world: World) -> None:
    world.accept()
    world.items["a"] = {"n": 9}
    order = order_for(plan_of(world))
    world.items["a"] = {"n": 10}

    refused = obey(world, order)
    assert (("things a is no longer as reviewed",), True) == (refused.refusals, refused.stale)


def test_doubts_of_the_caller_refuse(world: World) -> None:
    refused = obey(world, order_for(plan_of(world)), doubts=("the plan is not signed",))

    assert ("refused", ("the plan is not signed",)) == (refused.kind, refused.refusals)


def test_an_order_for_a_time_gives_way(world: World) -> None:
    world.accept()
    world.items["a"] = {"n": 9}
    plan = plan_of(world)
    obey(world, order_for(plan, leaf_expires=rfc3339(world.now + 7200)))
    assert [] == standing(world.run().report)

    assert ("thing_changed", "open", "a") in standing(world.run(after=7200).report)
    assert 3 == memory.recall(world.store).baseline.sequence


def test_the_first_acceptance_is_not_for_a_time(world: World) -> None:
    order = order_for(plan_of(world), leaf_expires=rfc3339(world.now + 7200))

    assert any("cannot expire" in problem for problem in obey(world, order).refusals)


def test_a_check_with_nothing_to_show_becomes_part_of_the_baseline(tmp_path: Path) -> None:
    """Else its first item, a cron job on a host without any, would count as a check nobody accepted."""
    world = World(tmp_path)
    plan = replace(plan_of(world), items=(("things", "", None, None),))
    obey(world, order_for(plan))
    world.items["root job"] = {"n": 1}

    assert [("thing_added", "open", "root job")] == standing(world.run().report)


def test_only_checks_of_the_plan_become_part_of_the_baseline(world: World) -> None:
    plan = replace(plan_of(world), items=())

    assert {} == obey(world, order_for(plan)).baseline.checks


def going_back(world: World, sequence: int) -> Plan:
    """The plan of a rollback as a controller computes it; here the host is asked, in a copy of its state."""
    outcome = world.accept(rollback=sequence).outcome
    assert outcome is not None
    return outcome.proposal.plan


def test_a_rollback_is_a_plan(world: World, tmp_path: Path) -> None:
    other = World(tmp_path / "same", items=dict(world.items))
    for each in (world, other):
        each.accept()
        each.items["a"] = {"n": 9}
        each.accept()
    plan = going_back(other, 1)

    outcome = obey(world, rollback_order(1, plan))
    assert ("rolled-back", 3, STORE) == (outcome.kind, outcome.baseline.sequence, outcome.baseline.authority.store_id)
    assert {"a": {"n": 1}, "b": {"n": 2}} == outcome.baseline.checks["things"]


def test_a_rollback_that_was_not_reviewed_or_is_not_kept_is_refused(world: World) -> None:
    world.accept()
    plan = replace(plan_of(world), items=())

    assert any("not what was reviewed" in p for p in obey(world, rollback_order(1, replace(plan, sequence=1))).refusals)
    assert any(
        "no baseline #7 is kept" in p for p in obey(world, rollback_order(7, replace(plan, sequence=1))).refusals
    )


class TestSignedIsARatchet:
    """Once a signed plan was accepted, only signed plans move the baseline, whatever the configuration says."""

    @pytest.fixture(name="signed")
    def _signed(self, world: World) -> World:
        obey(world, order_for(plan_of(world)), signers="/etc/vps-sentry.d/allowed_signers")
        world.items["a"] = {"n": 9}
        return world

    def test_a_local_acceptance_is_a_proposal(self, signed: World) -> None:
        outcome = signed.accept().outcome

        assert outcome is not None
        assert ("proposed", 1) == (outcome.kind, outcome.baseline.sequence)

    def test_an_unsigned_order_is_refused(self, signed: World) -> None:
        refused = obey(signed, order_for(plan_of(signed)))

        assert any("only a signed plan moves this baseline" in problem for problem in refused.refusals)

    def test_a_signed_order_is_obeyed_and_the_ratchet_holds(self, signed: World) -> None:
        outcome = obey(signed, order_for(plan_of(signed)), signers="/etc/vps-sentry.d/allowed_signers")

        assert ("accepted", "/etc/vps-sentry.d/allowed_signers") == (outcome.kind, outcome.baseline.authority.signers)

    def test_it_outlives_an_expiry(self, signed: World) -> None:
        order = order_for(plan_of(signed), leaf_expires=rfc3339(signed.now + 7200))
        obey(signed, order, signers="/etc/vps-sentry.d/allowed_signers")
        signed.run(after=7200)

        assert "/etc/vps-sentry.d/allowed_signers" == memory.recall(signed.store).baseline.authority.signers


def test_what_a_host_accepts_by_itself_is_no_store_s(world: World) -> None:
    obey(world, order_for(plan_of(world)))
    world.items["a"] = {"n": 9}
    world.accept()

    assert (FLEET, "") == (
        memory.recall(world.store).baseline.authority.fleet_id,
        memory.recall(world.store).baseline.authority.store_id,
    )
