# SPDX-License-Identifier: GPL-3.0-or-later
"""A made-up fleet takes the way real bundles take, and a comparison of it costs what drifts, not what there is."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Dict, List, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import cli
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils._libraries import sa
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.simulate import Fleet, bundles
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import open_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.survey import Survey, survey
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.verify import verify
from support.fleet import file_items, make_bundle, raw

AT = "2026-11-02T12:00:30Z"


def simulated(path: Path, *options: str) -> str:
    url = f"sqlite:///{path}/fleet.sqlite"
    assert cli.main(["simulate", "--store", url, *options]) == 0
    return url


def looked(url: str) -> Survey:
    with open_store(url, environ={}) as store, store.read() as connection:
        return survey(connection, at=AT)


def test_the_same_numbers_give_the_same_fleet() -> None:
    once, again, other = (
        [host.data for host in bundles(Fleet(9, items=200, cohorts=2, seed=seed), time=AT)] for seed in (1, 1, 2)
    )
    assert once == again
    assert once != other


def test_every_bundle_is_one_that_verify_takes() -> None:
    for host in bundles(Fleet(6, items=200, cohorts=2), time=AT):
        bundle = verify(host.data, nonce=None, held=host.held)
        items = {check: len(head.buckets) for check, head in bundle.checks.items()}
        assert (bundle.host, items) == (host.name, {"files": 64, "mounts": 64, "ports": 64})


def test_what_was_made_up_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No drift, no roll-out: what is left is the one key; host keys and disks are nobody's difference."""
    fleet = ["--hosts=20", "--items=300", "--cohorts=2", "--drift=0", "--rollout=0"]
    url = simulated(tmp_path, *fleet)
    found = looked(url)

    assert "simulated 20 hosts of 300 items: 20 moved" in capsys.readouterr().out
    assert [(finding.key, finding.outliers) for finding in found.findings] == [
        ("/root/.ssh/authorized_keys", ("sim-00010",))
    ]
    assert cli.main(["simulate", "--store", url, *fleet, "--run=2", "--format=json"]) == 0
    again: Dict[str, int] = json.loads(capsys.readouterr().out)
    assert [doubt for doubt in looked(url).doubts if doubt.severity != "info"] == []
    assert (again["hosts"], again["moved"]) == (20, 0)


def test_a_store_with_real_hosts_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "web-1.json"
    path.write_bytes(raw(make_bundle("web-1", {"files": file_items("/etc/a")})))
    url = f"sqlite:///{tmp_path}/fleet.sqlite"
    cli.main(["ingest", "--store", url, str(path)])

    assert cli.main(["simulate", "--store", url, "--hosts", "2"]) == 1
    assert "holds real hosts (web-1)" in capsys.readouterr().err


FLAT = sa.text(
    "CREATE TEMPORARY TABLE flat AS SELECT host.name, host.cohort, state_check.check_name, item.key, item.id FROM host"
    " JOIN snapshot ON snapshot.id = host.head JOIN state_check ON state_check.state = snapshot.observed"
    " JOIN root_bucket ON root_bucket.root = state_check.root"
    " JOIN bucket_item ON bucket_item.bucket = root_bucket.bucket JOIN item ON item.id = bucket_item.item"
)
COUNT = sa.text("SELECT cohort, check_name, key, id, count(*) FROM flat GROUP BY cohort, check_name, key, id")
"""The plain way: a row for every item of every host, counted."""


def spent(url: str) -> Tuple[float, float]:
    """CPU seconds of a comparison and of counting every item of every host, the better of two each."""
    costs: List[Tuple[float, float]] = []
    with open_store(url, environ={}) as store, store.read() as connection:
        connection.execute(FLAT)
        for _ in range(2):
            began = time.process_time()
            survey(connection, at=AT)
            between = time.process_time()
            connection.execute(COUNT).all()
            costs.append((between - began, time.process_time() - between))
    return min(ours for ours, _ in costs), min(plain for _, plain in costs)


@pytest.mark.budget
def test_a_comparison_costs_less_than_counting_and_grows_no_faster_than_the_fleet(tmp_path: Path) -> None:
    """Budget: a tenth of counting at 1,000 hosts of 3,000 items; here at 160, where fixed costs weigh more."""
    costs = {}
    for hosts in (40, 160):
        folder = tmp_path / str(hosts)
        folder.mkdir()
        fleet = [f"--hosts={hosts}", "--items=1000", "--cohorts=2", "--drift=0.3", "--rollout=30"]
        costs[hosts] = spent(simulated(folder, *fleet))
    (few, _), (many, counted) = costs[40], costs[160]

    assert many <= 0.3 * counted
    # Four times the hosts: six times the cost would be more than a line, and a pair of hosts each would be sixteen.
    assert many <= 6 * few
