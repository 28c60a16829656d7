# SPDX-License-Identifier: GPL-3.0-or-later
"""Outbox entries and acks: names, strictness, and what is left out of what is too large."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from support.alerts import HOSTILE, alert
from vps_sentry import outbox
from vps_sentry.core import canonical, codec
from vps_sentry.errors import StoreError
from vps_sentry.outbox import Ack, Entry

ENTRY = Entry(
    id="0123456789abcdef0123",
    host="web-1",
    time="2026-10-01T12:00:00Z",
    created=1_790_856_000,
    kind="alerts",
    severity="critical",
    alerts=(alert(detail=HOSTILE),),
    diff={"changes": [{"change": "added", "key": "k"}], "more": 0},
)
NAME = "1-1790856000-0123456789abcdef.json"
ACK = Ack(
    id=ENTRY.id, entry=NAME, delivered=("webhook",), attempts=2, next_try=5, reason="upload-failure", held={"d": 5}
)


def test_an_entry_survives_its_file() -> None:
    assert outbox.file_name(ENTRY) == NAME
    assert outbox.decode_entry(outbox.encode_entry(ENTRY), name=NAME) == ENTRY


def test_an_ack_survives_its_file() -> None:
    assert outbox.decode_ack(outbox.encode_ack(ACK), name=NAME) == ACK


def test_names_sort_acceptances_then_criticals_then_by_time() -> None:
    wanted = [
        replace(ENTRY, kind="acceptance", severity="info", created=30),
        replace(ENTRY, created=9),
        replace(ENTRY, created=20),
        replace(ENTRY, severity="warning", created=1),
        replace(ENTRY, severity="info", created=0),
    ]
    names = [outbox.file_name(entry) for entry in wanted]
    assert sorted(names) == names


def test_an_id_that_is_no_hex_is_never_written() -> None:
    with pytest.raises(ValueError, match="hex"):
        outbox.encode_entry(replace(ENTRY, id="../../etc/passwd"))


def changed(**fields: Any) -> bytes:
    return canonical.dumps({**json.loads(outbox.encode_entry(ENTRY)), **fields})


DAMAGED = [
    ("empty after a full disk", b""),
    ("cut", outbox.encode_entry(ENTRY)[:-20]),
    ("no JSON", b"\x00\xff"),
    ("not an object", b"[]"),
    ("a key of another release", changed(extra=1)),
    ("a wrong type", changed(created="1")),
    ("a kind nobody knows", changed(kind="other")),
    ("another entry's content", changed(created=1)),
    ("an id that is a path", changed(id="../../etc/passwd")),
    ("a key twice", b'{"id":"a","id":"b"}'),
    ("nested without end", b"[" * 100_000),
]


@pytest.mark.parametrize("data", [pytest.param(data, id=why) for why, data in DAMAGED])
def test_a_damaged_entry_names_file_and_remedy(data: bytes) -> None:
    with pytest.raises(StoreError, match=rf"outbox/{NAME} is damaged: .*move it out"):
        outbox.decode_entry(data, name=NAME)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(outbox.encode_ack(replace(ACK, entry="1-other.json")), id="of another entry"),
        pytest.param(outbox.encode_ack(ACK).replace(b"upload-failure", b"all is well"), id="a reason nobody knows"),
        pytest.param(outbox.encode_ack(ACK).replace(b'"attempts":2', b'"attempts":1e9'), id="no whole number"),
    ],
)
def test_a_damaged_ack_names_file_and_remedy(data: bytes) -> None:
    with pytest.raises(StoreError, match=rf"acks/{NAME} is damaged: .*move it out"):
        outbox.decode_ack(data, name=NAME)


@pytest.mark.weakness(14)
def test_the_attachment_is_alerts_and_diff_and_says_whose() -> None:
    found = json.loads(outbox.attachment(ENTRY))
    assert sorted(found) == ["alerts", "diff", "host", "id", "kind", "left_out", "note", "schema", "time"]
    assert found["alerts"][0]["detail"] == HOSTILE
    assert found["diff"] == ENTRY.diff
    assert found["left_out"] == {}


MANY_ALERTS = tuple(alert(detail="x" * 1000) for _ in range(50))
MANY_CHANGES = {"changes": [{"key": "k" * 1000}] * 50, "more": 4}

TOO_LARGE = [
    # id, alerts, diff, alerts kept, changes kept (None: no diff), more, left out
    ("the diff goes first", MANY_ALERTS[:10], MANY_CHANGES, 10, 25, 29, {"alerts": 0, "diff": 25}),
    ("then alerts from the end", MANY_ALERTS, MANY_CHANGES, 30, 0, 54, {"alerts": 20, "diff": 50}),
    ("one alert too large", (alert(detail="x" * 50_000),), MANY_CHANGES, 0, 38, 16, {"alerts": 1, "diff": 12}),
    ("a diff of another shape", (), ["x" * 50_000], 0, None, None, {"alerts": 0, "diff": 1}),
    (
        "a diff with a large companion",
        (),
        {**MANY_CHANGES, "x": "y" * 50_000},
        0,
        None,
        None,
        {"alerts": 0, "diff": 50},
    ),
]


@pytest.mark.parametrize("case", TOO_LARGE, ids=[case[0] for case in TOO_LARGE])
def test_what_does_not_fit_is_counted_exactly(case: Any) -> None:
    _, alerts, diff, alerts_kept, changes_kept, more, left_out = case
    fitted = outbox.fit(replace(ENTRY, alerts=alerts, diff=diff), 40_000)
    assert len(canonical.dumps(codec.encode(fitted))) <= 40_000
    assert fitted.alerts == alerts[:alerts_kept]
    assert fitted.left_out == left_out
    found = fitted.diff or {"changes": None, "more": None}
    assert found["changes"] == (None if changes_kept is None else diff["changes"][:changes_kept])
    assert found["more"] == more


def test_what_was_left_out_before_is_not_forgotten() -> None:
    once = outbox.fit(replace(ENTRY, alerts=MANY_ALERTS, diff=MANY_CHANGES), 40_000)
    twice = outbox.fit(once, 20_000)
    assert twice.left_out["alerts"] + len(twice.alerts) == len(MANY_ALERTS)
    assert twice.diff["more"] == 54


def test_entry_and_attachment_keep_to_8_mib() -> None:
    huge = replace(ENTRY, alerts=tuple(alert(detail="x" * 100_000) for _ in range(100)))
    assert len(outbox.encode_entry(huge)) <= 8 * 1024 * 1024 + 1
    data = outbox.attachment(huge)
    assert 8 * 1024 * 1024 - 110_000 < len(data) <= 8 * 1024 * 1024
    found = json.loads(data)
    assert found["left_out"]["alerts"] + len(found["alerts"]) == 100
