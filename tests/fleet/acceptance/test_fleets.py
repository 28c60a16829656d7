# SPDX-License-Identifier: GPL-3.0-or-later
"""The name of the fleet: the inventory's, else the hosts' own; nobody has to be told twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, Optional

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import ingest, roster
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import planning
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.planfile import PlanError, PlanFile
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.planning import Ask
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.verify import verify
from support.fleet import file_items, make_bundle, many_paths, raw

NOW = "2026-11-02T12:00:00Z"


def collected(store: Store, fleets: Dict[str, Optional[str]], *, run: int = 1) -> None:
    """Hosts without a baseline, each with the fleet that its configuration names (as JSON text in its item)."""
    for name, fleet in fleets.items():
        options = {} if fleet is None else {"accept.fleet_id": {"value": fleet}}
        checks = {"files": file_items(*many_paths(2)), "configuration": options}
        bundle = make_bundle(name, checks, accepted={}, run=run, prev=f"sha256:{run:064x}")
        with store.write() as connection:
            found = verify(raw(bundle), nonce=None, held=roster.holdings(connection, name))
            ingest.ingest(connection, found, whose=ingest.Whose(name, "web"), at=NOW)


def planned(store: Store, fleet_id: Optional[str] = None) -> PlanFile:
    with store.write() as connection:
        return planning.plan(connection, Ask(now=NOW, by="anna", fleet_id=fleet_id))


def quoted(*names: str) -> Dict[str, Optional[str]]:
    return {f"web-{number}": json.dumps(name) for number, name in enumerate(names, 1)}


def test_the_hosts_name_it(any_store: Store) -> None:
    collected(any_store, {**quoted("acme", "acme"), "web-9": None})
    plan = planned(any_store)

    assert ("acme", 3, ()) == (plan.fleet_id, len(plan.hosts), plan.withheld)


def test_without_any_name_one_is_made_up_and_gives_way_to_a_real_one(store: Store) -> None:
    collected(store, {"web-1": None})
    made_up = planned(store).fleet_id
    assert made_up.startswith("fleet-")
    assert made_up == planned(store).fleet_id

    collected(store, quoted("acme"), run=2)
    assert "acme" == planned(store).fleet_id


def test_the_inventory_goes_before_the_hosts_and_holds(store: Store) -> None:
    collected(store, quoted("other", "acme", "other"))
    plan = planned(store, "acme")

    assert ("acme", ["web-2"]) == (plan.fleet_id, [host.name for host in plan.hosts])
    assert ["web-1", "web-3"] == [one.host for one in plan.withheld]
    assert "of fleet 'other', this store keeps 'acme'" in plan.withheld[0].reason
    assert "acme" == planned(store).fleet_id
    with pytest.raises(PlanError, match="one fleet, one store"):
        planned(store, "other")


def test_one_host_cannot_name_the_fleet_of_many_nor_stop_a_plan(store: Store) -> None:
    collected(store, quoted("evil", "acme", "acme"))
    plan = planned(store)

    assert ("acme", ["web-1"]) == (plan.fleet_id, [one.host for one in plan.withheld])


def test_a_draw_is_for_a_person(store: Store) -> None:
    collected(store, quoted("acme", "other"))

    with pytest.raises(PlanError, match="'acme' and 'other'; say which one"):
        planned(store)
    assert "other" == planned(store, "other").fleet_id


@pytest.mark.parametrize("text", ["nonsense", "[]", "7", "null", '""', json.dumps("x" * 65), json.dumps("\u202e")])
def test_what_is_no_name_names_nothing(store: Store, tmp_path: Path, text: str) -> None:
    collected(store, {"web-1": text})

    assert planned(store).fleet_id.startswith("fleet-")
