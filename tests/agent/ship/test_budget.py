# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten messages an hour to each sink: what is more arrives in one, exactly counted, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.alerts import alert
from support.receiver import Answer, Certificate, Request, serving
from support.shipping import START, Room
from vps_sentry.deliveries import STUCK_SECONDS
from vps_sentry.outbox import CONTENT_LIMIT, Entry, attachment
from vps_sentry.ship.budget import FILE, FOLD_EVERY, HOUR, SINGLES, fold

MOST = 10


def entry(number: int, **changes: Any) -> Entry:
    plain: dict[str, Any] = {
        "id": f"{number:016x}",
        "host": "web-1",
        "time": "2026-10-01T12:00:00Z",
        "created": START + number,
        "kind": "alerts",
        "severity": "warning",
        "alerts": (alert(id=f"{number:016x}", severity="warning"),),
        "diff": {"changes": [number], "more": 0},
    }
    return Entry(**{**plain, **changes})


def put(room: Room, number: int, **changes: Any) -> str:
    return room.put(**vars(entry(number, **changes)))


def told(room: Room) -> list[str]:
    """Ids of the alerts that arrived, in order of arrival."""
    return [each["id"] for request in room.receiver.requests for each in json.loads(request.body)["alerts"]]


@pytest.mark.weakness(14)
def test_a_storm_becomes_a_few_messages_and_loses_nothing(room: Room) -> None:
    """One new message at each of 36 runs: never more than ten within any hour, everything arrives once."""
    moments: list[int] = []
    keep = room.receiver.requests.append

    def note(request: Request) -> None:
        moments.append(room.now)
        keep(request)

    room.receiver.keep = note
    for number in range(36):
        put(room, number)
        room.ship()
        for name in [n for n in (room.state / "acks").iterdir() if not n.name.startswith(".")]:
            if room.ack(name.name).done:
                (room.state / "outbox" / name.name).unlink()
                name.unlink()
        room.now += 300
    room.now += FOLD_EVERY
    room.ship()

    assert sorted(told(room)) == [f"{number:016x}" for number in range(36)]
    assert max(sum(at - HOUR < other <= at for other in moments) for at in moments) <= MOST
    assert len(moments) > SINGLES


@pytest.mark.weakness(12)
def test_a_backlog_goes_in_one_pass_as_eight_and_one(room: Room) -> None:
    """After an outage the channel is not flooded."""
    for number in range(50):
        put(room, number)
    code, reasons = room.ship()

    assert (code, reasons) == (0, ["sent"] * 9)
    assert len(room.receiver.requests) == 9
    last = json.loads(room.receiver.requests[-1].body)
    assert last["note"] == "and 42 more messages of this host in one (42 alerts): at most 8 an hour are sent singly"
    assert sorted(told(room)) == [f"{number:016x}" for number in range(50)]
    assert room.ship() == (0, ["duplicate-ts"])


def test_what_waits_is_said_and_goes_within_half_an_hour(room: Room) -> None:
    for number in range(9):
        put(room, number)
    room.ship()
    late = put(room, 9)
    assert room.ship() == (4, ["backoff"])
    assert (room.ack(late).reason, room.ack(late).next_try) == ("backoff", START + FOLD_EVERY)
    assert room.lines == [
        f"vps-sentry-ship: backoff 1 more for webhook than an hour may hold: as one in {FOLD_EVERY} s"
    ]
    room.now += FOLD_EVERY - 1
    assert room.ship() == (4, ["backoff"])
    room.now += 1
    assert room.ship() == (0, ["sent"])
    assert json.loads(room.receiver.requests[-1].body)["note"].startswith("and 1 more message of this host in one (1 ")


EXEMPT = [
    pytest.param({"severity": "critical"}, id="criticals"),
    pytest.param({"kind": "acceptance"}, id="acceptances, told before what they resolve"),
]


@pytest.mark.parametrize("changes", EXEMPT)
def test_what_is_urgent_is_never_held_back_and_counts_for_nothing(room: Room, changes: Any) -> None:
    for number in range(30):
        put(room, number, **changes)
    assert room.ship() == (0, ["sent"] * 30)
    put(room, 99)
    assert room.ship()[0] == 0
    assert len(room.receiver.requests) == 31


def test_failed_attempts_are_no_messages(room: Room) -> None:
    room.receiver.answers = [Answer(400)] * 8 + [Answer()]
    for number in range(8):
        put(room, number)
    assert room.ship() == (4, ["upload-failure"] * 8)
    room.now += 100
    assert room.ship() == (0, ["sent"] * 8)


def test_a_fold_that_fails_is_tried_again_and_nothing_is_counted_delivered(room: Room) -> None:
    names = [put(room, number) for number in range(12)]
    room.receiver.answers = [Answer()] * 8 + [Answer(500), Answer()]
    assert room.ship() == (4, [*["sent"] * 8, "upload-failure"])
    assert [room.ack(name).done for name in names if (room.state / "acks" / name).exists()].count(True) == 8
    assert len(room.receiver.requests) == 9
    assert room.ship() == (4, ["backoff"])
    room.now += 80
    assert room.ship() == (0, ["sent"])
    assert sorted(set(told(room))) == [f"{number:016x}" for number in range(12)]
    assert room.receiver.requests[8].headers["idempotency-key"] == room.receiver.requests[9].headers["idempotency-key"]


@pytest.fixture(name="other")
def _other(certificate: Certificate) -> Iterator[Any]:
    with serving(certificate) as server:
        yield server


def test_each_sink_has_its_own_budget(room: Room, other: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was down for long gets its backlog folded although the other one had everything singly."""
    from vps_sentry.sinks import slack

    monkeypatch.setattr(slack, "parse_webhook", lambda url: url)
    room.options["slack"] = slack.Options(webhook_url=other.url())
    other.answers = [Answer(503)]
    for number in range(20):
        put(room, number)
        room.ship()
        room.now += 600
    assert len(room.receiver.requests) >= 15
    other.answers = [Answer()]
    before = len(other.requests)
    room.now += HOUR
    code, reasons = room.ship()

    assert (code, len(other.requests) - before) == (0, 9)
    assert "sent" in reasons
    assert all(room.ack(path.name).done for path in (room.state / "outbox").iterdir())


def test_what_waits_for_its_turn_never_counts_as_stuck() -> None:
    assert FOLD_EVERY + 2 * 300 < STUCK_SECONDS


DAMAGED = [
    pytest.param(lambda path: path.write_bytes(b"{"), id="torn"),
    pytest.param(lambda path: path.write_bytes(b" " * 100_000), id="huge"),
    pytest.param(lambda path: path.symlink_to("/etc/passwd"), id="a link is replaced, not followed"),
    pytest.param(
        lambda path: path.write_text(
            json.dumps({"schema": 1, "sinks": {"webhook": {"singles": [START + 10**6] * 50, "folded": START + 10**6}}})
        ),
        id="a clock that was set back",
    ),
]


@pytest.mark.parametrize("plant", DAMAGED)
def test_a_damaged_count_holds_nothing_back(room: Room, plant: Any) -> None:
    plant(room.state / FILE)
    put(room, 1)
    assert room.ship() == (0, ["sent"])
    assert json.loads((room.state / FILE).read_bytes())["sinks"]["webhook"]["singles"] == [START]
    assert Path("/etc/passwd").read_text().startswith("root:")


def test_a_fold_counts_what_does_not_fit() -> None:
    big = tuple(alert(severity="warning", detail="x" * 1_000_000) for _ in range(6))
    whole = fold([entry(1, alerts=big), entry(2, alerts=big), entry(3, left_out={"alerts": 4, "diff": 2})])
    assert whole is not None
    assert whole.left_out["alerts"] + len(whole.alerts) == 6 + 6 + 1 + 4
    assert "and 3 more messages of this host in one (17 alerts)" in whole.note
    assert len(attachment(whole)) <= CONTENT_LIMIT
    assert json.loads(attachment(whole))["diff"] == {"changes": [3], "more": 0}


def test_nothing_is_no_message() -> None:
    assert fold([]) is None


def test_a_resolution_in_a_fold_stays_a_resolution(room: Room) -> None:
    for number in range(8):
        put(room, number)
    put(room, 8, alerts=(alert(severity="warning"), alert(severity="warning", state="resolved")))
    room.ship()
    states = [each["state"] for each in json.loads(room.receiver.requests[-1].body)["alerts"]]
    assert sorted(states) == ["open", "resolved"]
