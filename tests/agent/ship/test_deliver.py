# SPDX-License-Identifier: GPL-3.0-or-later
"""One pass after the other over a real outbox, against a real HTTPS receiver."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from dataclasses import replace
from typing import Any

import pytest
from support.alerts import alert
from support.receiver import Answer
from support.shipping import START, Room
from vps_sentry.errors import ConfigError, ShipError
from vps_sentry.outbox import Ack
from vps_sentry.ship import ship
from vps_sentry.ship.records import wait
from vps_sentry.sinks import Routes
from vps_sentry.sinks import discord as discord_sink


@pytest.mark.weakness(12)
def test_an_entry_is_sent_once_and_acked(room: Room) -> None:
    name = room.put()
    assert room.ship() == (0, ["sent"])
    assert room.ack(name) == Ack(f"{0:016x}", name, ("webhook",), attempts=1, reason="sent", done=True)
    assert oct((room.state / "acks" / name).stat().st_mode & 0o777) == "0o644"
    assert (room.state / "outbox" / name).exists()
    assert room.ship() == (0, ["duplicate-ts"])
    assert room.received() == [f"{0:016x}"]


def test_acceptances_and_criticals_go_first(room: Room) -> None:
    for number, (kind, severity) in enumerate([("alerts", "info"), ("alerts", "critical"), ("acceptance", "info")]):
        room.put(id=f"{number:016x}", kind=kind, severity=severity, created=START + number)
    assert room.ship() == (0, ["sent"] * 3)
    assert room.received() == [f"{2:016x}", f"{1:016x}", f"{0:016x}"]


def test_alerts_are_told_most_severe_first(room: Room) -> None:
    room.put(alerts=(alert(severity="info"), alert(severity="critical"), alert(severity="warning")))
    room.ship()
    told = json.loads(room.receiver.requests[0].body)["alerts"]
    assert [entry["severity"] for entry in told] == ["critical", "warning", "info"]


REFUSED = [
    ("no sink", None, False, 0, "missing-config"),
    ("no sink to test", None, True, 2, "missing-config"),
    ("no readable configuration", ConfigError("/etc/vps-sentry.json: no"), False, 2, "missing-config"),
    ("two webhooks", ConfigError("x: webhook-parse-failure: two different"), False, 2, "webhook-parse-failure"),
    ("a wrong webhook", ShipError("webhook-parse-failure", "not a webhook"), False, 2, "webhook-parse-failure"),
]


@pytest.mark.parametrize(("error", "tests", "code", "reason"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_without_a_way_out_the_entry_stays(
    room: Room, error: Exception | None, tests: bool, code: int, reason: str
) -> None:
    name = room.put()
    room.refuse = error
    room.options.clear()
    assert room.ship(tests=tests) == (code, [reason])
    assert not (room.state / "acks" / name).exists()


def test_a_wrong_discord_url_is_a_parse_failure_and_tried_again_at_once(room: Room) -> None:
    name = room.put()
    room.options["discord"] = discord_sink.Options(webhook_url="https://evil.example/s3cret-token")
    assert room.ship() == (2, ["webhook-parse-failure"])
    assert room.ack(name).delivered == ("webhook",)
    del room.options["discord"]
    room.now += 5
    assert room.ship() == (0, ["sent"])
    assert len(room.received()) == 1


def test_tests_are_withheld_until_they_are_asked_for(room: Room) -> None:
    name = room.put(kind="test")
    assert room.ship() == (0, ["test-only"])
    assert room.ship() == (0, ["test-only"])
    assert (room.received(), room.ack(name).done, room.ack(name).reason) == ([], True, "test-only")
    assert room.ship(tests=True) == (0, ["sent"])
    assert json.loads(room.receiver.requests[0].body)["test"] is True


def test_a_withheld_test_does_not_hold_back_the_rest(room: Room) -> None:
    room.put(kind="test")
    room.put(severity="info")
    assert room.ship() == (0, ["test-only", "sent"])


@pytest.mark.weakness(14)
def test_failures_back_off_and_the_retry_succeeds_under_the_same_id(room: Room) -> None:
    name = room.put()
    room.receiver.answers = [Answer(500), Answer(500), Answer(200)]
    pauses = []
    for attempt in (1, 2):
        assert room.ship() == (4, ["upload-failure"])
        ack = room.ack(name)
        assert (ack.attempts, ack.done, ack.delivered) == (attempt, False, ())
        assert "localhost answered 500" in ack.error
        pauses.append(ack.next_try - room.now)
        room.now = ack.next_try - 1
        assert room.ship() == (4, ["backoff"])
        room.now += 1
    assert pauses == [80, 160]
    assert room.ship() == (0, ["sent"])
    assert room.received() == [f"{0:016x}"] * 3


def test_the_receivers_wish_is_honoured_for_every_entry(room: Room) -> None:
    first, second = room.put(), room.put()
    room.receiver.answers = [Answer(429, {"Retry-After": "600"}), Answer()]
    assert room.ship() == (4, ["upload-failure", "backoff"])
    assert room.ack(first).next_try == START + 600
    room.put()
    room.now += 599
    assert room.ship()[0] == 4
    assert len(room.received()) == 1
    room.now += 1
    assert room.ship() == (0, ["sent"] * 3)
    assert room.ack(second).attempts == 1


def test_a_message_the_receiver_dislikes_does_not_block_the_others(room: Room) -> None:
    poison, good = room.put(), room.put()
    room.receiver.answers = [Answer(400), Answer(200)]
    assert room.ship() == (4, ["upload-failure", "sent"])
    assert (room.ack(poison).done, room.ack(good).done) == (False, True)


def test_a_webhook_that_is_gone_is_left_in_peace_for_an_hour(room: Room) -> None:
    name = room.put()
    room.receiver.answers = [Answer(404)]
    assert room.ship() == (4, ["upload-failure"])
    assert room.ack(name).next_try == START + 3600


@pytest.mark.weakness(12)
def test_a_retry_goes_only_to_the_sink_that_failed(room: Room) -> None:
    """The second sink is Discord with a URL file that does not exist yet: a defect of this host."""
    name = room.put()

    def missing(path: str) -> str:
        raise ShipError("upload-failure", f"cannot read {path}: No such file or directory")

    routes = room.routes()
    both = {**room.options, "discord": discord_sink.Options(webhook_url_file="/nonexistent")}
    ways = Routes(both, replace(routes.transport, read_secret=missing))
    assert ship(str(room.state), lambda: ways, clock=lambda: room.now, log=room.lines.append) == 4
    assert room.ack(name).delivered == ("webhook",)
    room.now += 5
    assert ship(str(room.state), lambda: ways, clock=lambda: room.now, log=room.lines.append) == 4
    assert room.ack(name).attempts == 2
    assert len(room.received()) == 1


DAMAGED = [
    ("cut", "1-1800000000-aaaaaaaaaaaaaaaa.json", b'{"id":'),
    ("a name nobody gave", "evil\n.json", b"{}"),
    ("a name that is no text", os.fsdecode(b"\xff\xfe.json"), b"{}"),
]


@pytest.mark.parametrize(("name", "data"), [case[1:] for case in DAMAGED], ids=[case[0] for case in DAMAGED])
def test_a_damaged_entry_is_kept_and_the_others_go(room: Room, name: str, data: bytes) -> None:
    (room.state / "outbox" / name).write_bytes(data)
    room.put(severity="info")
    code, reasons = room.ship()
    assert (code, sorted(reasons)) == (4, ["sent", "upload-failure"])
    assert (room.state / "outbox" / name).read_bytes() == data
    assert room.ack(name).error.startswith("outbox/")
    assert room.ship() == (4, ["backoff"])


def test_a_directory_among_the_entries_is_said(room: Room) -> None:
    (room.state / "outbox" / "1-1800000000-aaaaaaaaaaaaaaaa.json").mkdir()
    assert room.ship() == (4, ["upload-failure"])


def test_half_written_files_are_not_looked_at(room: Room) -> None:
    (room.state / "outbox" / ".1-x.json.new").write_bytes(b"{")
    assert room.ship() == (0, ["nothing-to-ship"])


def test_a_damaged_ack_means_sending_again_under_the_same_id(room: Room) -> None:
    name = room.put()
    room.ship()
    (room.state / "acks" / name).write_bytes(b"{")
    assert room.ship() == (0, ["upload-failure", "sent"])
    assert room.received() == [f"{0:016x}"] * 2


def test_nothing_is_sent_that_cannot_be_recorded(room: Room) -> None:
    """Otherwise a full disk would repeat the same message every five minutes."""
    name = room.put()
    (room.state / "acks" / f".{name}.new").mkdir()
    assert room.ship() == (4, ["upload-failure"])
    assert room.received() == []


def test_a_missing_acks_directory_is_said(room: Room) -> None:
    room.put()
    (room.state / "acks").rmdir()
    assert room.ship() == (4, ["upload-failure"])
    assert room.received() == []


def test_a_pass_ends_in_time_whatever_the_receiver_costs(room: Room) -> None:
    for _ in range(3):
        room.put()
    keep = room.receiver.requests.append

    def slow(request: Any) -> None:
        keep(request)
        room.now += 45

    room.receiver.keep = slow
    assert room.ship() == (4, ["sent", "sent", "backoff"])
    assert room.ship() == (0, ["sent"])


@pytest.mark.weakness(14)
def test_two_passes_do_not_tell_anything_twice(room: Room) -> None:
    room.put()
    descriptor = os.open(room.state / "acks", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    results: list[tuple[int, list[str]]] = []
    other = threading.Thread(target=lambda: results.append(room.ship()))
    other.start()
    other.join(0.3)
    assert (other.is_alive(), room.received()) == (True, [])
    os.close(descriptor)
    other.join(10)
    assert results == [(0, ["sent"])]


@pytest.mark.parametrize("attempts", [1, 2, 3, 7, 50, 10_000])
def test_waits_stay_between_a_minute_and_an_hour(attempts: int) -> None:
    found = [wait(attempts, f"{number:04x}") for number in range(0, 0x10000, 257)]
    base = min(80 * 2 ** min(attempts - 1, 10), 3600)
    assert max(found) == base
    assert min(found) >= base * 3 // 4 >= 60
    assert len(set(found)) > 10
