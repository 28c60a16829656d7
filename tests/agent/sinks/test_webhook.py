# SPDX-License-Identifier: GPL-3.0-or-later
"""The generic webhook against a real HTTPS receiver."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

import pytest
from support.alerts import HOSTILE, alert, message
from support.receiver import Receiver
from vps_sentry.errors import ShipError
from vps_sentry.sinks import Transport
from vps_sentry.sinks.webhook import Options, send, sign, validate


def test_plain_json_arrives_with_its_idempotency_key(receiver: Receiver, transport: Transport) -> None:
    send(message(note="n", left_out=2), Options(url=receiver.url()), transport=transport)
    (request,) = receiver.requests
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == "0123456789abcdef"
    assert "x-vps-sentry-signature" not in request.headers
    told = json.loads(request.body)
    assert sorted(told) == ["alerts", "host", "id", "left_out", "note", "schema", "test", "time"]
    assert {name: told[name] for name in ("schema", "id", "host", "note", "left_out", "test")} == {
        "schema": 1,
        "id": "0123456789abcdef",
        "host": "web-1",
        "note": "n",
        "left_out": 2,
        "test": False,
    }
    assert told["alerts"][0]["code"] == "public_listener_added"


def test_the_attachment_travels_only_when_asked_for(receiver: Receiver, transport: Transport) -> None:
    send(message(test=True), Options(url=receiver.url(), bundle=True), transport=transport)
    (request,) = receiver.requests
    parts = request.parts()
    assert json.loads(parts["payload_json"][1])["test"] is True
    assert parts["files[0]"] == ("vps-sentry-web-1-2026-10-01T120000Z.json", b'{"alerts":[]}')


@pytest.mark.parametrize("bundle", [False, True])
def test_a_signature_proves_body_and_time(
    receiver: Receiver, transport: Transport, tmp_path: Path, bundle: bool
) -> None:
    secret = tmp_path / "hmac"
    secret.write_text("k3y\n")
    send(message(), Options(url=receiver.url(), secret_file=str(secret), bundle=bundle), transport=transport)
    (request,) = receiver.requests
    assert request.headers["x-vps-sentry-timestamp"] == "1800000000"
    expected = hmac.new(b"k3y", b"1800000000." + request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-vps-sentry-signature"] == f"sha256={expected}"


def test_the_signature_is_this_one() -> None:
    """Fixed, because other programs check it: printf '7.{}' | openssl dgst -sha256 -hmac key"""
    assert sign("key", b"{}", now=7) == {
        "X-VPS-Sentry-Timestamp": "7",
        "X-VPS-Sentry-Signature": "sha256=77bc83bd1f40422311e47918b203449aecf84b02c1568bb1b570ac2a474cc2d8",
    }


def test_url_and_secret_may_come_from_files(receiver: Receiver, transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "url").write_text(receiver.url("/from-file") + "\n")
    send(message(), Options(url_file=str(tmp_path / "url")), transport=transport)
    assert [request.path for request in receiver.requests] == ["/from-file"]


def test_an_empty_secret_file_never_means_unsigned(receiver: Receiver, transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ShipError, match="is empty"):
        send(message(), Options(url=receiver.url(), secret_file=str(tmp_path / "empty")), transport=transport)
    assert receiver.requests == []


def test_hostile_text_arrives_as_it_is(receiver: Receiver, transport: Transport) -> None:
    send(message(alerts=(alert(detail=HOSTILE),)), Options(url=receiver.url()), transport=transport)
    body = receiver.requests[0].body
    assert body.isascii()
    assert json.loads(body)["alerts"][0]["detail"] == HOSTILE


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (Options(), "exactly one of"),
        (Options(url="https://x.example/", url_file="/x"), "exactly one of"),
        (Options(url="http://x.example/"), "webhook-parse-failure"),
        (Options(url="https://x.example/", secret="a", secret_file="/x"), "exactly one of"),
        (Options(url="https://x.example/", secret=""), "exactly one of"),
    ],
)
def test_wrong_options_are_refused(options: Options, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        validate(options)


def test_right_options_pass_and_keep_their_secrets() -> None:
    options = Options(url="https://x.example/t0ken", secret="k3y")
    validate(options)
    assert "t0ken" not in repr(options)
    assert "k3y" not in repr(options)
