# SPDX-License-Identifier: GPL-3.0-or-later
"""A signed profile on a host that nobody has seen: it accepts out of it, never beyond it, and only the first time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Tuple

import pytest
from support.orders import order_for, plan_of, profile_order
from support.runs import NOW, World, standing
from vps_sentry import memory, orders
from vps_sentry.accept import Outcome, Request
from vps_sentry.core.clock import rfc3339
from vps_sentry.core.order import Order
from vps_sentry.core.plan import Plan

SIGNERS = "/etc/vps-sentry.d/allowed_signers"


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    return World(tmp_path, items={"a": {"n": 1}, "b": {"n": 2}})


def profile_of(world: World) -> Plan:
    """What the cohort of ``world`` accepted: all that it shows now."""
    return replace(plan_of(world), machine_id="cohort:web")


def obey(world: World, order: Order, *, signers: str = SIGNERS, **said: Any) -> Outcome:
    found = world.accept(Request(by="anna (signed)", order=order, signers=signers, **said)).outcome
    assert found is not None
    return found


def test_a_new_host_accepts_what_the_profile_holds_and_alerts_on_the_rest(world: World) -> None:
    profile = profile_of(world)
    world.items["root key"] = {"n": 3}
    plan = replace(plan_of(world), items=profile.items)
    outcome = obey(world, profile_order(profile, plan))

    assert ("accepted", 1, {"a": {"n": 1}, "b": {"n": 2}}) == (
        outcome.kind,
        outcome.baseline.sequence,
        outcome.baseline.checks["things"],
    )
    assert SIGNERS == outcome.baseline.authority.signers, "signed is a ratchet from the first baseline on"
    assert [("thing_added", "open", "root key")] == standing(world.run().report)


def test_a_check_of_which_nothing_equals_the_profile_is_compared_all_the_same(world: World) -> None:
    profile = profile_of(world)
    world.items = {"root key": {"n": 3}}
    plan = replace(plan_of(world), items=(("things", "", None, None),))

    assert "accepted" == obey(world, profile_order(profile, plan)).kind
    assert [("thing_added", "open", "root key")] == standing(world.run().report)


def test_the_same_order_again_is_carried_out_already_and_another_is_refused(world: World) -> None:
    profile = profile_of(world)
    order = profile_order(profile, plan_of(world))
    obey(world, order)
    now = memory.recall(world.store).baseline
    assert orders.carried_out(world.store, now, order=order) is not None

    world.items["c"] = {"n": 4}
    wider = profile_of(world)
    widening = profile_order(wider, replace(plan_of(world), items=wider.items))
    refused = obey(world, widening)
    assert "refused" == refused.kind
    assert any("for hosts without a baseline, this one has #1" in told for told in refused.refusals)
    assert now == memory.recall(world.store).baseline


def _beyond(order: Order) -> Order:
    """A host that was taken over shows one item more, and whoever has the controller wants it accepted."""
    assert order.profile is not None
    assert order.plan is not None
    less = replace(order.profile, items=order.profile.items[:1])
    return profile_order(less, order.plan)


def _unsigned_items(order: Order) -> Order:
    """The manifest as it was signed, with more items under it."""
    assert order.profile is not None
    more = (*order.profile.items[:1], ("things", "b", None, "sha256:" + "0" * 64))
    return replace(order, profile=replace(order.profile, items=more))


def _foreign_check(order: Order) -> Order:
    assert order.profile is not None
    assert order.plan is not None
    return profile_order(order.profile, replace(order.plan, items=(("files", "", None, None),)))


def _somebodys_plan(order: Order) -> Order:
    """What was signed for one machine, held out to another as if it were for all."""
    assert order.plan is not None
    return profile_order(replace(order.plan, machine_id="f" * 32), order.plan)


def _as_a_plan(order: Order) -> Order:
    """What was signed for all, handed over as this host's own."""
    assert order.profile is not None
    return order_for(order.profile)


def _schema(order: Order) -> Order:
    assert order.profile is not None
    assert order.plan is not None
    return profile_order(replace(order.profile, schema=2), order.plan)


BAD: Tuple[Tuple[str, Callable[[Order], Order], str], ...] = (
    ("more than it holds", _beyond, "items that are not in the profile: 1, such as things b"),
    ("edited after it was signed", _unsigned_items, "the manifest does not name this profile"),
    ("a check it does not speak of", _foreign_check, "not in the profile: 1, such as files"),
    ("a plan for another machine", _somebodys_plan, "a plan for one machine, not a profile"),
    ("handed over as a plan", _as_a_plan, "the plan was made for machine cohort:web"),
    ("of a newer controller", _schema, "upgrade the agent"),
    ("a rollback", lambda o: replace(o, plan=None, rollback=1), "a profile takes no baseline back"),
    ("expired", lambda o: replace(o, manifest=replace(o.manifest, expires=rfc3339(NOW))), "the profile expired at"),
)


@pytest.mark.parametrize(("make", "reason"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_what_a_profile_does_not_cover_is_refused(world: World, make: Callable[[Order], Order], reason: str) -> None:
    refused = obey(world, make(profile_order(profile_of(world), plan_of(world))))

    assert "refused" == refused.kind
    assert any(reason in problem for problem in refused.refusals), refused.refusals
    assert world.store.read("baseline.json") is None


def test_it_counts_only_where_signers_are_named(world: World) -> None:
    refused = obey(world, profile_order(profile_of(world), plan_of(world)), signers="")

    assert ("a profile counts only where accept.allowed_signers names who may sign it",) == refused.refusals


def test_a_host_that_lost_its_baseline_needs_a_person(world: World) -> None:
    order = profile_order(profile_of(world), plan_of(world))
    world.accept()
    (world.path / "state" / "baseline.json").unlink()

    refused = obey(world, order)
    assert any("this one has #1 (lost)" in told for told in refused.refusals), refused.refusals


@pytest.mark.parametrize(
    ("cohort", "reason"),
    [
        ("web", ""),
        ("db", "the profile is for 'cohort:web', this host is of cohort:db"),
        (None, "only a host whose configuration names its cohort (accept.cohort) accepts a profile"),
        ("None", "this host is of cohort:None"),
    ],
)
def test_whose_it_is_the_host_s_own_configuration_says(world: World, cohort: str | None, reason: str) -> None:
    order = profile_order(profile_of(world), plan_of(world))
    told = list(orders.foreign(order, fleet_id="acme", cohort=cohort))

    assert [] == told if not reason else reason in told[0]
    assert "this host is of 'other'" in next(orders.foreign(order, fleet_id="other", cohort=cohort))
