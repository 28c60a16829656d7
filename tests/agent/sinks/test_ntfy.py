# SPDX-License-Identifier: GPL-3.0-or-later
"""ntfy: what a real HTTPS receiver is sent, which options count, what hostile text becomes."""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from support.alerts import HOSTILE, alert, message
from support.receiver import Answer, Receiver
from vps_sentry.errors import ShipError
from vps_sentry.sinks import DeliveryError, Transport
from vps_sentry.sinks.ntfy import Options, payload, send, validate

TOPIC = "my-s3cret_topic"


def options(receiver: Receiver, **changes: Any) -> Options:
    return Options(**{"server": receiver.url(""), "topic": TOPIC, **changes})


def test_a_message_is_published_as_json(receiver: Receiver, transport: Transport) -> None:
    send(message(), options(receiver), transport=transport)
    (request,) = receiver.requests
    assert (request.method, request.path) == ("POST", "/")
    assert "authorization" not in request.headers
    assert json.loads(request.body) == {
        "topic": TOPIC,
        "title": "web-1: 1 critical",
        "message": "CRITICAL: New public listener tcp:4444\n    python3 listens on 0.0.0.0:4444\n"
        "    ports · tcp:4444 · 00112233445566aa",
        "priority": 5,
        "tags": ["rotating_light"],
    }


LOGINS = [
    pytest.param({"token": "tk_abc"}, "Bearer tk_abc", id="token"),
    pytest.param({"token_file": "tk_file\n"}, "Bearer tk_file", id="token from a file"),
    pytest.param(
        {"user": "jö", "password": "p:w"}, "Basic " + base64.b64encode("jö:p:w".encode()).decode(), id="password"
    ),
    pytest.param({"user": "u", "password_file": "pw\n"}, "Basic " + base64.b64encode(b"u:pw").decode(), id="file"),
]


@pytest.mark.parametrize(("login", "header"), LOGINS)
def test_logins(receiver: Receiver, transport: Transport, tmp_path: Path, *, login: Any, header: str) -> None:
    for name in [name for name in login if name.endswith("_file")]:
        (tmp_path / name).write_text(login[name])
        login = {**login, name: str(tmp_path / name)}
    found = options(receiver, **login)
    validate(found)
    send(message(), found, transport=transport)
    assert receiver.requests[0].headers["authorization"] == header


def test_the_topic_may_come_from_a_file(receiver: Receiver, transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "topic").write_text("from-file\n")
    send(message(), options(receiver, topic=None, topic_file=str(tmp_path / "topic")), transport=transport)
    assert json.loads(receiver.requests[0].body)["topic"] == "from-file"


def test_the_report_travels_when_asked_for(receiver: Receiver, transport: Transport) -> None:
    send(message(note="ünï"), options(receiver, attach=True, token="t"), transport=transport)
    (request,) = receiver.requests
    assert (request.method, request.path, request.body) == ("POST", f"/{TOPIC}", b'{"alerts":[]}')
    assert request.headers["filename"] == "vps-sentry-web-1-2026-10-01T120000Z.json"
    assert (request.headers["priority"], request.headers["tags"]) == ("5", "rotating_light")
    kind, _, text = request.headers["message"].removesuffix("?=").rpartition("?")
    assert kind == "=?UTF-8?B"
    assert base64.b64decode(text).decode().startswith("ünï\n\nCRITICAL: ")


PRIORITIES = [
    ({"severity": "critical"}, 5, "rotating_light"),
    ({"severity": "warning"}, 4, "warning"),
    ({"severity": "info"}, 3, "information_source"),
    ({"severity": "critical", "state": "resolved"}, 2, "white_check_mark"),
]


@pytest.mark.parametrize(("changes", "priority", "tag"), PRIORITIES)
def test_priority_is_that_of_the_worst_open_alert(changes: Any, priority: int, tag: str) -> None:
    told = payload(message(alerts=(alert(**changes), alert(severity="critical", state="resolved"))))
    assert (told["priority"], told["tags"]) == (priority, [tag])


def test_a_message_without_alerts_still_says_something() -> None:
    assert payload(message(alerts=()))["message"] == "2026-10-01T12:00:00Z"


LONG = [
    ("many", [alert() for _ in range(200)]),
    ("long", [alert(detail="x" * 90_000, title="t" * 5000, key="k" * 5000)]),
    ("four bytes a character", [alert(detail="\U0001f600" * 5000, title="\U0001f600" * 5000)]),
    ("escapes of four characters", [alert(detail="\u202e" * 5000, title="\x1b" * 900, key="\x07" * 900)]),
    ("lines", [alert(detail="\n" * 5000)]),
]


@pytest.mark.parametrize("alerts", [case[1] for case in LONG], ids=[case[0] for case in LONG])
@pytest.mark.parametrize("note", ["", "\U0001f600" * 900])
def test_limits_are_kept_and_what_is_left_out_is_counted(alerts: list[Any], note: str) -> None:
    text = payload(message(alerts=tuple(alerts), note=note))["message"]
    shown = text.count("CRITICAL: ")
    assert len(text.encode()) <= 4096
    assert shown >= 1 or note
    assert (f"… and {len(alerts) - shown} more" in text) == (shown < len(alerts))


@pytest.mark.parametrize("attach", [False, True])
def test_hostile_text_is_printable_and_makes_no_header(receiver: Receiver, transport: Transport, attach: bool) -> None:
    evil = f"x\r\nX-Actions: view\r\n\r\n{HOSTILE}"
    subject = message(host=evil, note=evil, time=evil, alerts=(alert(title=evil, detail=evil, key=evil),))
    send(subject, options(receiver, attach=attach), transport=transport)
    (request,) = receiver.requests
    assert not {"x-actions", "actions", "click", "markdown"} & set(request.headers)
    told = payload(subject)
    assert set(told) == {"title", "message", "priority", "tags"}
    assert (told["title"] + told["message"].replace("\n", "")).isprintable()


WRONG = [
    (Options(), "exactly one of"),
    (Options(topic="a", topic_file="/b"), "exactly one of"),
    (Options(topic="a/../b"), "ntfy topic is"),
    (Options(topic="a" * 65), "ntfy topic is"),
    (Options(server="http://ntfy.example", topic="a"), "https://"),
    (Options(server="https://ntfy.example/?x=1", topic="a"), "address of the ntfy server alone"),
    (Options(server="https://u:p@ntfy.example", topic="a"), "no place in it"),
    (Options(topic="a", token="t", token_file="/t"), "exactly one of"),
    (Options(topic="a", user="u"), "exactly one of"),
    (Options(topic="a", password="p"), "user: "),
    (Options(topic="a", user="u:v", password="p"), "no colon"),
    (Options(topic="a", user="u", password="p", token="t"), "give one of them"),
]


@pytest.mark.parametrize(("wrong", "problem"), WRONG)
def test_wrong_options_are_refused(wrong: Options, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        validate(wrong)


def test_options_keep_their_secrets() -> None:
    shown = repr(Options(topic="s3cret", token="s3cret", password="s3cret"))
    assert "s3cret" not in shown


def test_a_topic_or_token_from_a_file_is_judged_without_repeating_it(transport: Transport) -> None:
    bad = dataclasses.replace(transport, read_secret=lambda path: "bad value\r\nX: s3cret")
    for wrong in (Options(topic_file="/x"), Options(topic="a", token_file="/x")):
        with pytest.raises(ShipError) as caught:
            send(message(), wrong, transport=bad)
        assert "s3cret" not in str(caught.value)


def test_a_refusal_does_not_repeat_the_topic(receiver: Receiver, transport: Transport) -> None:
    receiver.answers = [Answer(403)]
    with pytest.raises(DeliveryError) as caught:
        send(message(), options(receiver, attach=True), transport=transport)
    assert (caught.value.retry_after, TOPIC in str(caught.value)) == (3600, False)
