# SPDX-License-Identifier: GPL-3.0-or-later
"""What the audit log is worth outside of its store: its head in every message, and every decision in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import schema
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import log
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.cli import main
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store
from support.garden import Garden


@pytest.fixture(name="garden")
def _garden(tmp_path: Path, store: Store) -> Garden:
    garden = Garden(tmp_path, store, "web-1", "web-2")
    garden.collect()
    return garden


@pytest.fixture(name="fleet")
def _fleet(garden: Garden, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """One command of vps-sentry-fleet on the garden's store; what it printed."""

    def run(command: str, *words: str) -> str:
        main([command, "--store", f"sqlite:///{garden.store.place.path}", *words])
        return capsys.readouterr().out

    return run


def head(garden: Garden) -> str:
    with garden.store.read() as connection:
        return log.head(connection)


def test_every_message_names_the_head(garden: Garden, fleet: Callable[..., str], tmp_path: Path) -> None:
    garden.apply(garden.plan())
    garden.hosts["web-1"].items["a"] = {"n": 9}
    garden.collect()
    planned = garden.desk.plan({}, folder=tmp_path)
    told = log.told(head(garden))
    plan = Path(planned.plan or "")
    begun = garden.desk.begin(plan, {"max": "100%"})

    assert told in planned.text
    assert log.told(head(garden)) in begun.text
    told = log.told(head(garden))
    report = tmp_path / "report.html"
    fleet("report", "--output", str(report))
    texts = [garden.desk.recap(plan).text, fleet("compare"), fleet("accept", "status"), report.read_text()]
    assert [told in text for text in texts] == [True] * 4
    documents = [garden.desk.recap(plan).document, json.loads(fleet("compare", "--format", "json"))]
    documents += json.loads(fleet("accept", "--format", "json", "status"))
    assert {head(garden)} == {document["audit_head"] for document in documents}


DECISIONS: Dict[str, List[str]] = {
    # decision -> what is said after the host's name
    "retire": [],
    "reinstalled": [],
    "adopt": [],
    "rename": ["db-1"],
}


@pytest.mark.parametrize(("decision", "words"), DECISIONS.items(), ids=DECISIONS)
def test_what_people_decide_about_hosts_stands_in_it(
    garden: Garden, fleet: Callable[..., str], decision: str, words: List[str]
) -> None:
    printed = fleet("hosts", decision, "web-1", *words, "--reason", "agreed by telephone")
    (entry,) = entries(garden)

    assert log.told(head(garden)) in printed
    assert words or ["web-1"] == [entry["host"]]
    assert "agreed by telephone" in entry["reason"]
    assert "1 entries, unbroken" in fleet("audit", "verify")
    # It lies beside the store at once, where another program may carry it away.
    assert "agreed by telephone" in Path(f"{garden.store.place.path}.audit.jsonl").read_text()


def entries(garden: Garden) -> List[Dict[str, Any]]:
    with garden.store.read() as connection:
        return [entry.detail for entry in log.entries(connection)]


def test_an_adoption_says_what_became_the_record(garden: Garden, fleet: Callable[..., str]) -> None:
    garden.apply(garden.plan())
    garden.hosts["web-1"].items["a"] = {"n": 9}
    garden.hosts["web-1"].accept()
    garden.collect()
    assert [("web-1", "local_accept")] == garden.doubts()
    fleet("hosts", "adopt", "web-1", "--reason", "it was me")

    assert 2 == entries(garden)[-1]["sequence"]
    assert garden.baseline("web-1").digest == entries(garden)[-1]["digest"]


def test_waivers_stand_in_it(garden: Garden, fleet: Callable[..., str]) -> None:
    fleet("waive", "things", "a", "--host", "web-1", "--for", "7d", "--reason", "until the move")
    fleet("waivers", "--end", "1")

    waived, ended = entries(garden)
    assert ("things", "a", "web-1", "until the move") == tuple(
        waived[name] for name in ("check_name", "pattern", "name", "reason")
    )
    assert {"waiver": 1} == ended
    assert "2 entries, unbroken" in fleet("audit", "verify")


def test_a_decision_that_was_taken_out_is_missed(garden: Garden, fleet: Callable[..., str]) -> None:
    fleet("hosts", "adopt", "web-1", "--reason", "nothing to see")
    told = head(garden)
    with garden.store.write() as connection:
        connection.execute(schema.audit.delete())
    Path(f"{garden.store.place.path}.audit.jsonl").unlink()

    assert "is not in this log" in fleet("audit", "verify", "--head", told)
