# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole story of runs: nothing trusted silently, every change told once, nothing lost."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from support.runs import World
from vps_sentry import outbox
from vps_sentry.accept import Request
from vps_sentry.errors import MovedError
from vps_sentry.report import Report


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    return World(tmp_path, items={"a": {"n": 1}, "b": {"n": 2}})


def standing(report: Report) -> List[Tuple[str, str, str]]:
    return [(alert.code, alert.state, alert.key) for alert in report.alerts]


def shipped(world: World) -> List[outbox.Entry]:
    names = world.store.names("outbox")
    return [outbox.decode_entry(world.store.read(f"outbox/{name}") or b"", name=name) for name in names]


def test_the_first_run_trusts_nothing_and_says_what_it_would_trust(world: World) -> None:
    first = world.run().report
    second = world.run().report

    assert [("no_baseline", "open", "baseline")] == standing(first)
    assert "2 items of things" in first.alerts[0].detail
    assert 3 == first.exit_code
    assert () == second.events
    assert world.store.read("baseline.json") is None


def test_acceptance_trusts_what_was_seen_and_ends_the_alert(world: World) -> None:
    world.run()
    result = world.accept()

    assert result.outcome is not None
    assert ("accepted", 1) == (result.outcome.kind, result.report.baseline.sequence)
    assert [("no_baseline", "resolved", "baseline")] == standing(result.report)
    assert "resolved by acceptance #1 by anna" == result.report.alerts[0].detail
    assert 0 == world.run().report.exit_code


def test_a_change_is_told_once_and_once_when_it_ends(world: World) -> None:
    world.accept()
    world.items["a"] = {"n": 9}
    first = world.run().report
    second = world.run().report
    world.items["a"] = {"n": 1}
    third = world.run().report

    assert [("thing_changed", "open", "a")] == standing(first) == standing(second)
    assert [("thing_changed", "resolved", "a")] == standing(third)
    assert [1, 0, 1] == [len(report.events) for report in (first, second, third)]
    assert (3, 3, 0) == (first.exit_code, second.exit_code, third.exit_code)


def test_a_failing_check_is_an_alert_and_hides_nothing(world: World) -> None:
    world.accept()
    world.items["a"] = {"n": 9}
    world.run()
    world.failing = "the source is gone"
    blind = world.run().report

    assert {("thing_changed", "open", "a"), ("check_failed", "open", "things")} == set(standing(blind))
    assert "failed" == json.loads(world.store.read("last.json") or b"")["checks"]["things"]["status"]
    world.failing = ""
    assert ("check_failed", "resolved", "things") in standing(world.run().report)


def test_a_check_that_never_worked_is_exit_code_4(world: World) -> None:
    world.failing = "no source"
    world.run()
    (world.path / "state" / "alerts.json").unlink()
    report = world.accept().report

    assert 4 == report.exit_code


def test_a_defect_in_a_check_is_that_checks_failure(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.failing = "defect"
    report = world.run().report

    assert "defect in check things: ZeroDivisionError; see the log of this run" == report.observations["things"].error
    assert "Traceback" in capsys.readouterr().err


def test_a_failed_check_keeps_its_accepted_items(world: World) -> None:
    world.accept()
    world.failing = "gone"
    result = world.accept()

    assert {"a", "b"} == set(result.report.baseline.checks["things"])
    assert result.outcome is not None
    assert ("things",) == result.outcome.proposal.plan.not_checked


LOSSES = [
    pytest.param(lambda path: path.unlink(), id="deleted"),
    pytest.param(lambda path: path.write_bytes(b""), id="empty after a power cut"),
    pytest.param(lambda path: path.write_bytes(path.read_bytes()[:40]), id="torn"),
    pytest.param(lambda path: path.write_bytes(path.read_bytes().replace(b'"n":1', b'"n":9')), id="edited"),
]


@pytest.mark.parametrize("lose", LOSSES)
def test_a_lost_baseline_is_critical_and_never_learnt_again(world: World, lose: Any) -> None:
    world.accept()
    world.items["a"] = {"n": 9}
    lose(world.path / "state" / "baseline.json")
    for _ in range(2):
        report = world.run().report

        assert ("baseline_lost", "open", "baseline") in standing(report)
        assert "critical" == report.alerts[0].severity
    again = world.accept().report
    assert ("accepted", 2) == (again.baseline.status, again.baseline.sequence)


def test_history_alone_shows_that_a_baseline_was_lost(world: World) -> None:
    world.accept()
    for name in ("baseline.json", "cursors.json"):
        (world.path / "state" / name).unlink()

    assert ("baseline_lost", "open", "baseline") in standing(world.run().report)


@pytest.mark.parametrize("name", ["alerts.json", "cursors.json", "logins.json"])
def test_a_damaged_state_file_is_kept_aside_and_told(world: World, name: str) -> None:
    world.accept()
    (world.path / "state" / name).write_text('{"torn":')
    report = world.run().report

    assert [name] == [alert.key.rpartition("/")[2] for alert in report.alerts if alert.code == "state_damaged"]
    assert [b'{"torn":'] == [path.read_bytes() for path in (world.path / "state" / "damaged").iterdir()]


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


def snapshot_of(path: Path, *, but: str) -> Dict[str, bytes]:
    files = (entry for entry in path.rglob("*") if entry.is_file() and but not in entry.parts and entry.name != "lock")
    return {str(entry): entry.read_bytes() for entry in files}


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


def test_acceptances_are_shipped_before_what_they_resolve(world: World) -> None:
    world.run()
    world.accept()

    assert ["acceptance", "alerts", "alerts"] == [entry.kind for entry in shipped(world)]
    assert shipped(world)[0].note.startswith("baseline #1 accepted by anna (2 added, 0 changed, 0 removed): reviewed")


def test_critical_items_are_named_in_the_acceptance(world: World) -> None:
    world.items["root key"] = {"n": 1}
    world.accept()

    assert "critical: things root key" in shipped(world)[0].note


def test_without_a_sink_nothing_piles_up(world: World) -> None:
    world.sinks = {}
    world.run()

    assert [] == world.store.names("outbox")


def test_a_done_ack_removes_the_entry_and_a_foreign_one_removes_nothing(world: World) -> None:
    world.run()
    (name,) = world.store.names("outbox")
    entry = shipped(world)[0]
    forged = outbox.Ack(id="f" * 32, entry=name, done=True)
    world.store.write(f"acks/{name}", outbox.encode_ack(forged))
    world.run()
    assert [name] == world.store.names("outbox")

    world.store.write(f"acks/{name}", outbox.encode_ack(outbox.Ack(id=entry.id, entry=name, done=True, reason="sent")))
    world.run()
    assert [] == world.store.names("outbox")
    assert entry.time == world.store.read_json("last_shipped.json")["time"]


ACKS = [
    pytest.param(lambda path: path.write_bytes(b"\xff" * 100), id="garbage"),
    pytest.param(lambda path: path.write_bytes(b" " * 100_000), id="huge"),
    pytest.param(lambda path: path.symlink_to("/etc/passwd"), id="a link"),
    pytest.param(os.mkfifo, id="a fifo does not hang the run"),
    pytest.param(lambda path: path.mkdir(), id="a directory"),
]


@pytest.mark.parametrize("plant", ACKS)
def test_a_hostile_ack_removes_no_entry(world: World, plant: Any) -> None:
    world.run()
    (name,) = world.store.names("outbox")
    plant(world.path / "state" / "acks" / name)
    world.run()

    assert [name] == world.store.names("outbox")
    assert Path("/etc/passwd").exists()


def test_a_damaged_entry_is_kept_aside(world: World) -> None:
    world.run()
    (name,) = world.store.names("outbox")
    (world.path / "state" / "outbox" / name).write_bytes(b"torn")
    world.run()

    assert [] == world.store.names("outbox")
    assert [b"torn"] == [path.read_bytes() for path in (world.path / "state" / "damaged").iterdir()]


def test_an_unshipped_message_becomes_an_alert_after_an_hour(world: World) -> None:
    world.run()

    assert "ship_stuck" not in [code for code, _, _ in standing(world.run(after=3000).report)]
    assert "ship_stuck" in [code for code, _, _ in standing(world.run(after=3600).report)]


def test_a_bad_configuration_keeps_looking_with_exit_code_2(world: World) -> None:
    world.accept()
    world.config_error = "/etc/vps-sentry.json: checks.prots: unknown key"
    report = world.run().report

    assert [("config_invalid", "open", "configuration")] == standing(report)
    assert 2 == report.exit_code


def test_a_cloned_state_directory_is_no_baseline(world: World) -> None:
    world.accept()
    (world.path / "root" / "etc" / "machine-id").write_text("f" * 32)
    report = world.run().report

    assert [("no_baseline", "open", "baseline")] == standing(report)
    assert "cloned from machine" in report.alerts[0].detail
