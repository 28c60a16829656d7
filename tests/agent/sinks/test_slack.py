# SPDX-License-Identifier: GPL-3.0-or-later
"""Slack: which URL counts, what its limits leave, what hostile text becomes; sent to a real receiver."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Iterator

import pytest
from support.alerts import HOSTILE, alert, message
from support.receiver import Answer, Receiver
from vps_sentry.errors import ShipError
from vps_sentry.sinks import DeliveryError, Transport, slack
from vps_sentry.sinks._text import width
from vps_sentry.sinks.slack import Options, parse_webhook, payload, send, validate

RIGHT = "https://hooks.slack.com/services/T01ABCDEF/B01ABCDEF/s3cretT0ken"
GOOD_URLS = [(RIGHT, "as copied"), (RIGHT.replace("slack.com", "slack-gov.com"), "the government's own")]
BAD_URLS = [
    ("http" + RIGHT[5:], "plain text on the wire"),
    (RIGHT.replace("slack.com", "slack.com.evil.example"), "a host that begins alike"),
    (RIGHT.replace("hooks.", "evilhooks."), "a host that ends alike"),
    (RIGHT.replace("slack.com", "slack.com@evil.example"), "a host in disguise"),
    (RIGHT.replace("slack.com", "slack.com:444"), "a port"),
    (RIGHT.replace("services", "workflows"), "another kind of hook, whose payload is another"),
    (RIGHT + "/x", "more path"),
    (RIGHT + "?x=1", "a query"),
    (RIGHT + "\n", "a line end"),
    (RIGHT.rpartition("/")[0], "no token"),
    ("", "nothing"),
]


@pytest.mark.parametrize("url", [pytest.param(url, id=why) for url, why in GOOD_URLS])
def test_a_webhook_is_taken(url: str) -> None:
    assert parse_webhook(url) == url


@pytest.mark.weakness(14)
@pytest.mark.parametrize("url", [pytest.param(url, id=why) for url, why in BAD_URLS])
def test_anything_else_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ShipError) as caught:
        parse_webhook(url)
    assert caught.value.reason == "webhook-parse-failure"
    assert "s3cretT0ken" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (Options(), "exactly one of"),
        (Options(webhook_url=RIGHT, webhook_url_file="/x"), "exactly one of"),
        (Options(webhook_url="https://hooks.slack.com/"), "webhook-parse-failure"),
    ],
)
def test_wrong_options_are_refused(options: Options, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        validate(options)


@pytest.mark.parametrize("options", [Options(webhook_url=RIGHT), Options(webhook_url_file="/x")])
def test_right_options_pass_and_keep_their_secret(options: Options) -> None:
    validate(options)
    assert "s3cretT0ken" not in repr(options)


def texts(told: Any) -> Iterator[dict[str, Any]]:
    """Every text object of a payload."""
    if isinstance(told, dict):
        if "emoji" in told:
            yield told
        for value in told.values():
            yield from texts(value)
    elif isinstance(told, list):
        for value in told:
            yield from texts(value)


def test_one_alert_reads_like_this() -> None:
    told = payload(message(note="n"))
    first, second, third = texts(told)
    assert told["text"] == "web-1: 1 critical · 2026-10-01T12:00:00Z"
    assert first["text"] == "web-1: 1 critical · 2026-10-01T12:00:00Z\nn"
    assert second["text"] == "CRITICAL: New public listener tcp:4444\npython3 listens on 0.0.0.0:4444"
    assert third["text"] == "ports · tcp:4444 · 00112233445566aa"
    assert told["attachments"][0]["color"] == "#c62828"


def test_resolved_is_green() -> None:
    assert payload(message(alerts=(alert(state="resolved"),)))["attachments"][0]["color"] == "#2e7d32"


LONG = [
    ("many small ones", [alert() for _ in range(57)], 47),
    ("ten long ones", [alert(detail="x" * 5000) for _ in range(10)], 0),
    ("one very long one", [alert(detail="x" * 100_000, title="t" * 5000, key="k" * 5000)], 0),
    ("escapes count", [alert(detail="&" * 5000, title="<" * 300) for _ in range(3)], 0),
    ("two units a character", [alert(detail="\U0001f600" * 5000)], 0),
]


@pytest.mark.parametrize(("alerts", "rest"), [case[1:] for case in LONG], ids=[case[0] for case in LONG])
def test_limits_are_kept_and_what_is_left_out_is_counted(alerts: list[Any], rest: int) -> None:
    told = payload(message(alerts=tuple(alerts), note="n" * 9000))
    assert (f"… and {rest} more on the host" in told["blocks"][0]["text"]["text"]) == bool(rest)
    assert len(told["attachments"]) <= 20
    assert all(width(text["text"]) <= 3000 for text in texts(told))
    assert len(json.dumps(told)) < 100_000


@pytest.mark.parametrize("field", ["title", "detail", "key", "check"])
def test_hostile_text_is_shown_and_does_nothing(field: str) -> None:
    evil = HOSTILE + "<!channel> <https://evil.example|bank> &lt;"
    told = payload(message(alerts=(alert(**{field: evil}),), host=evil, note=evil))
    assert all(text["type"] == "plain_text" and text["emoji"] is False for text in texts(told))
    assert (told["mrkdwn"], told["parse"], told["link_names"]) == (False, "none", False)
    for text in [told["text"], *(t["text"] for t in texts(told)), *(a["fallback"] for a in told["attachments"])]:
        assert not set("<>") & set(text)
        assert "&" not in text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
        assert text.replace("\n", "").isprintable()


def test_a_message_arrives(receiver: Receiver, transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything but the host name of the URL is the real thing."""
    monkeypatch.setattr(slack, "parse_webhook", lambda url: url)
    reads = dataclasses.replace(transport, read_secret=lambda path: receiver.url("/services/T/B/x"))
    send(message(), Options(webhook_url_file="/x"), transport=reads)
    (request,) = receiver.requests
    assert (request.method, request.path) == ("POST", "/services/T/B/x")
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == payload(message())

    receiver.answers = [Answer(429, {"Retry-After": "30"})]
    with pytest.raises(DeliveryError) as caught:
        send(message(), Options(webhook_url=receiver.url()), transport=transport)
    assert caught.value.retry_after == 30
