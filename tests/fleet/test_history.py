# SPDX-License-Identifier: GPL-3.0-or-later
"""What the store keeps of a host's past, and what a person decides about it: shown, diffed, swept, renamed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import (
    cli,
    host_life,
    ingest,
    past,
    roster,
    schema,
    sweeping,
)
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils._libraries import sa
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.host_life import Decision, LifeError
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store, open_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.verify import verify
from support.fleet import file_items, make_bundle, many_paths, raw

AT = "2026-11-02T12:00:30Z"
DECISION = Decision("anna", AT, "it was time")
PATHS = many_paths(100)


@pytest.fixture(name="store")
def _store(database: str) -> Iterator[Store]:
    with open_store(database, environ={}) as opened:
        yield opened


def take(store: Store, name: str, *, run: int, size: int = 3, accepted: int = 3, **header: Any) -> None:
    """A bundle in which every file has ``size``, and had ``accepted`` when it was accepted."""
    now, before = ({"files": file_items(*PATHS, size=n)} for n in (size, accepted))
    prev = "sha256:" + f"{run:064x}"
    with store.write() as connection:
        document = make_bundle(name, now, accepted=before, run=run, prev=prev, **header)
        bundle = verify(raw(document), nonce=None, held=roster.holdings(connection, name))
        ingest.ingest(connection, bundle, whose=ingest.Whose(name, "web"), at=AT)


def counts(store: Store) -> Dict[str, int]:
    with store.read() as connection:
        return {
            table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in schema.metadata.sorted_tables
        }


def test_every_earlier_snapshot_can_be_shown_and_diffed(store: Store) -> None:
    for run in (1, 2, 3):
        take(store, "web-1", run=run, size=run)
    with store.read() as connection:
        found = past.snapshots(connection, "web-1")
        first, _second, last = (past.items_of(connection, one, axis="snapshot") for one in found)
        accepted = past.items_of(connection, found[2], axis="accepted")

    assert [one.run for one in found] == [1, 2, 3]
    assert accepted == {"files": file_items(*PATHS)}
    assert first == {"files": file_items(*PATHS, size=1)}
    assert {(change.change, change.fields()) for change in past.changes(first, last)} == {("changed", ("size",))}
    assert len(past.changes(first, last)) == 100


def test_a_sweep_keeps_the_newest_and_each_accepted_baseline(store: Store) -> None:
    for run in range(1, 8):
        take(store, "web-1", run=run, size=run, accepted=3 if run < 4 else 4)
    take(store, "web-2", run=1)
    with store.write() as connection:
        swept = sweeping.sweep(connection, keep=2)
    store.compact()
    with store.read() as connection:
        found = past.snapshots(connection, "web-1")
        shown = [past.items_of(connection, one, axis="snapshot") for one in found]
        assert len(past.snapshots(connection, "web-2")) == 1

    # 1 and 4 were the first with their baseline, 6 and 7 are the newest.
    assert [one.run for one in found] == [1, 4, 6, 7]
    assert shown == [{"files": file_items(*PATHS, size=run)} for run in (1, 4, 6, 7)]
    assert (swept.snapshots, swept.states, swept.items) == (3, 2, 200)
    before = counts(store)
    with store.write() as connection:
        assert sum(vars(sweeping.sweep(connection, keep=2)).values()) == 0
    assert counts(store) == before


def test_a_swept_store_takes_the_next_bundle(store: Store) -> None:
    for run in (1, 2, 3):
        take(store, "web-1", run=run, size=run)
    with store.write() as connection:
        sweeping.sweep(connection, keep=1)
    take(store, "web-1", run=4, size=1)
    with store.read() as connection:
        assert past.snapshots(connection, "web-1")[-1].run == 4


def test_a_renamed_host_keeps_its_history(store: Store) -> None:
    take(store, "web-1", run=1)
    with store.write() as connection:
        host_life.rename(connection, "web-1", new="shop-1", decision=DECISION)
    take(store, "shop-1", run=2, machine_id=make_bundle("web-1", {})["machine_id"])
    with store.read() as connection:
        assert [row.name for row in roster.hosts(connection)] == ["shop-1"]
        assert len(past.snapshots(connection, "shop-1")) == 2
        assert host_life.events(connection, "shop-1")[0]["reason"] == "web-1: it was time"


def test_what_was_collected_under_the_new_name_already_joins(store: Store) -> None:
    take(store, "web-1", run=1)
    take(store, "shop-1", run=2, machine_id=make_bundle("web-1", {})["machine_id"])
    with store.write() as connection:
        host_life.rename(connection, "web-1", new="shop-1", decision=DECISION)
    with store.read() as connection:
        assert [(row.name, row.missed) for row in roster.hosts(connection)] == [("shop-1", 0)]
        assert [one.run for one in past.snapshots(connection, "shop-1")] == [1, 2]
    assert counts(store)["trust_finding"] == 0


def test_another_machine_does_not_take_a_name_over(store: Store) -> None:
    take(store, "web-1", run=1)
    take(store, "web-2", run=1)
    with pytest.raises(LifeError, match="web-2 is another machine"), store.write() as connection:
        host_life.rename(connection, "web-1", new="web-2", decision=DECISION)


def test_a_retired_host_is_gone_until_it_is_collected_again(store: Store) -> None:
    take(store, "web-1", run=1)
    with store.write() as connection:
        host_life.retire(connection, "web-1", decision=DECISION)
    with store.read() as connection:
        assert roster.hosts(connection) == []
        assert len(past.snapshots(connection, "web-1")) == 1

    with store.write() as connection:
        roster.begin_attempt(connection, "web-1", cohort="web")
    with store.read() as connection:
        assert [row.name for row in roster.hosts(connection)] == ["web-1"]


def test_hosts_that_left_the_inventory_are_asked_about_once_and_come_back(store: Store) -> None:
    take(store, "web-1", run=1)
    take(store, "web-2", run=1)
    with store.write() as connection:
        assert roster.note_inventory(connection, ["web-1"], at=AT) == ["web-2"]
        assert roster.note_inventory(connection, ["web-1"], at="2026-12-01T00:00:00Z") == ["web-2"]
        assert roster.hosts(connection)[1].absent_since == AT
        assert roster.note_inventory(connection, ["web-1", "web-2"], at=AT) == []
        assert roster.hosts(connection)[1].absent_since is None


REASONS = ["", "  ", "one\nline", "red\x1b[31m"]


@pytest.mark.parametrize("reason", REASONS)
def test_a_decision_has_a_reason_in_one_line(reason: str) -> None:
    with pytest.raises(LifeError, match="say why"):
        Decision("anna", AT, reason)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> Tuple[int, str, str]:
    code = cli.main(arguments)
    told = capsys.readouterr()
    return code, told.out, told.err


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path}/fleet.sqlite"
    with open_store(url, environ={}) as store:
        take(store, "web-1", run=1)
        take(store, "web-1", run=2, size=4)
    at = ("--store", url)

    code, out, _ = run(capsys, "history", "web-1", *at)
    assert (code, [line.split()[:1] for line in out.splitlines()]) == (0, [["N"], ["1"], ["2"]])
    code, out, _ = run(capsys, "history", "web-1", "--diff", "1", "2", *at)
    assert code == 2
    assert f"changed  files  {PATHS[0]}  size 3 -> 4\n" in out
    assert run(capsys, "history", "web-1", "--diff", "1", "2", "--axis", "accepted", *at)[0] == 0
    code, out, _ = run(capsys, "history", "web-1", "--show", "1", "--format", "json", *at)
    assert json.loads(out)["items"]["files"][PATHS[0]]["size"] == 3
    assert run(capsys, "history", "web-1", "--show", "9", *at)[0] == 1
    assert "no host web-9" in run(capsys, "history", "web-9", *at)[2]

    code, out, _ = run(capsys, "gc", "--keep", "1", *at)
    assert (code, out.startswith("removed 0 snapshots")) == (0, True), "the first one has the accepted baseline"
    code, out, _ = run(capsys, "hosts", "rename", "web-1", "shop-1", "--reason", "new shop", *at)
    assert (code, out.splitlines()[0]) == (0, "web-1: now shop-1, with its history")
    assert out.splitlines()[1].startswith("audit log: sha256:")
    assert run(capsys, "hosts", "retire", "shop-1", "--reason", "sold", *at)[0] == 0
    assert run(capsys, "hosts", "retire", "shop-9", "--reason", "sold", *at)[0] == 1
    assert "shop-1" not in run(capsys, "hosts", *at)[1]
    assert "retired by " in run(capsys, "history", "shop-1", *at)[1]
