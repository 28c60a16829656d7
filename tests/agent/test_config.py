# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration: every wrong key is named with its path, the one forgiven mistake is forgiven exactly."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from vps_sentry import config
from vps_sentry import sinks as sink_room
from vps_sentry.checks import discover
from vps_sentry.errors import ConfigError

HOOK = "https://discord.com/api/webhooks/123456/abcDEF-_9"
OTHER = "https://discord.com/api/webhooks/999999/other"

BAD = [
    pytest.param(
        {"chekcs": {}}, "chekcs: unknown key; known here: accept, checks, notify, remind_after", id="top level typo"
    ),
    pytest.param({"checks": {"prots": {}}}, "checks.prots: unknown key; known here: accounts, agent", id="check"),
    pytest.param({"checks": {"configuration": {"enabled": False}}}, "cannot be disabled", id="the watch on itself"),
    pytest.param({"checks": {"ports": {"expcted": []}}}, "checks.ports.expcted: unknown key", id="option"),
    pytest.param({"checks": {"ports": {"expected": ["tcp:99999"]}}}, "checks.ports", id="a port that is none"),
    pytest.param({"checks": {"files": {"watch": ["etc"]}}}, "checks.files", id="a relative watch path"),
    pytest.param({"checks": {"ssh_auth": {"failed_threshold": "25"}}}, "failed_threshold: expected a whole", id="text"),
    pytest.param({"checks": {"ssh_auth": {"window": "soon"}}}, "not a duration", id="a duration that is none"),
    pytest.param({"notify": {"discrod": {}}}, "discrod: unknown key; known here: command, discord,", id="sink"),
    pytest.param({"notify": {"min_severity": "loud"}}, "min_severity: expected one of info, warning", id="severity"),
    pytest.param(
        {"notify": {"discord": {"webhook_url": "https://evil.example/x"}}}, "webhook-parse-failure", id="hook"
    ),
    pytest.param({"notify": {"webhook": {"url": "http://plain.example"}}}, "https", id="no plain http"),
    pytest.param({"notify": {"heartbeat": {"url": "http://beat.example/x"}}}, "notify.heartbeat: webhook", id="beat"),
    pytest.param({"notify": {"heartbeat": {}}}, "give exactly one of url and url_file", id="a heartbeat to nowhere"),
    pytest.param({"remind_after": 24}, "remind_after: expected text", id="number for text"),
    pytest.param({"accept": {}}, "accept.fleet_id: missing", id="signed mode without a fleet"),
    pytest.param([], "expected an object", id="no object"),
]


def parse(document: Any) -> config.Config:
    return config.parse(json.dumps(document).encode(), path="/etc/vps-sentry.json")


@pytest.mark.weakness(15)
@pytest.mark.parametrize(("document", "problem"), BAD)
def test_refused_with_path_and_remedy(document: Any, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(document)

    assert str(caught.value).startswith("/etc/vps-sentry.json: ")
    assert problem in str(caught.value)
    assert str(caught.value).endswith("run: vps-sentry check-config /etc/vps-sentry.json")


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b'{"a":1,"a":2}', b'{"remind_after":1.5}', b"[" * 100000])
def test_bytes_that_are_no_json_are_refused(data: bytes) -> None:
    with pytest.raises(ConfigError, match="check-config"):
        config.parse(data)


def test_every_documented_key_is_understood() -> None:
    found = parse({
        "checks": {
            "ssh_auth": {"enabled": True, "sources": "auto", "failed_threshold": 25, "invalid_user_threshold": 10,
                         "window": "1h", "seen_ttl": "30d",
                         "expected_logins": [{"user": "deploy", "key": "SHA256:abc", "from": "any"}]},
            "ports": {"expected": ["tcp:22", "tcp:443", "tcp:3100-3199", {"port": "udp:51820", "exe": "/usr/bin/wg"}]},
            "files": {"watch": ["/etc", {"path": "/var/www", "recursive": True, "exclude": ["*.log"]}],
                      "hash_budget": "256MiB"},
        },
        "notify": {"min_severity": "warning", "mode": "all", "discord": {"webhook_url": HOOK},
                   "webhook": {"url": "https://h.example/x", "secret_file": "/etc/vps-sentry.d/hmac", "bundle": True},
                   "heartbeat": {"url": "https://beat.example/x"}},
        "accept": {"fleet_id": "f", "allowed_signers": "/etc/vps-sentry.d/allowed_signers"},
        "remind_after": "24h",
    })  # fmt: skip

    assert {"discord", "webhook"} == set(found.notify.sinks)
    assert 25 == found.checks["ssh_auth"].failed_threshold
    assert 86400 == found.remind_seconds


MODES = [
    pytest.param({}, (False, False), id="a host of its own"),
    pytest.param({"accept": {"fleet_id": "f"}}, (True, False), id="managed: its own acceptance still counts"),
    pytest.param({"accept": {"fleet_id": "f", "allowed_signers": "/s"}}, (True, True), id="signed"),
]


@pytest.mark.parametrize(("document", "expected"), MODES)
def test_a_fleet_manages_and_signers_sign(document: Any, expected: Any) -> None:
    found = parse(document)
    assert expected == (found.managed, found.signed)


def test_the_effective_configuration_holds_no_secret() -> None:
    secrets = [HOOK, "https://hook.example/token", "hunter2", "https://beat.example/token"]
    webhook = {"url": secrets[1], "secret": secrets[2]}
    found = parse({"notify": {"discord": {"webhook_url": HOOK}, "webhook": webhook, "heartbeat": {"url": secrets[3]}}})
    shown = json.dumps(config.effective(found)) + repr(found)

    assert not [secret for secret in secrets if secret in shown]


SECRET = "s3cret-s3cret"
SECRETS = [
    pytest.param("slack", {"webhook_url": "https://hooks.slack.com/services/T0/B0/s3cret"}, id="slack"),
    pytest.param("ntfy", {"topic": SECRET, "token": SECRET}, id="ntfy with a token"),
    pytest.param("ntfy", {"topic": SECRET, "user": "u", "password": SECRET}, id="ntfy with a password"),
    pytest.param(
        "email",
        {"host": "mail.example.org", "from": "a@b.example", "to": ["c@d.example"], "user": "u", "password": SECRET},
        id="email",
    ),
    pytest.param("webhook", {"url": f"https://h.example/{SECRET}", "secret": SECRET}, id="webhook"),
]


@pytest.mark.parametrize(("sink", "options"), SECRETS)
def test_no_sink_shows_its_secret(sink: str, options: Any) -> None:
    found = parse({"notify": {sink: options}})
    shown = config.effective(found)["notify"][sink]

    assert "s3cret" not in json.dumps(shown) + repr(found)
    assert {key for key, value in shown.items() if value} >= set(options)


@pytest.mark.parametrize("name", sorted(sink_room.discover()))
def test_every_option_that_can_come_from_a_file_counts_as_a_secret(name: str) -> None:
    """A new sink cannot forget to hide one: what has a file of its own is not shown by ``repr``."""
    fields = {entry.name: entry for entry in dataclasses.fields(sink_room.discover()[name].options)}
    pairs = [entry.removesuffix("_file") for entry in fields if entry.endswith("_file")]

    assert [entry for entry in pairs if fields[entry].repr] == []
    assert sorted(pairs) == sorted(entry for entry in fields if not fields[entry].repr)


def test_the_example_is_complete_and_can_be_used() -> None:
    example = config.example()

    assert set(discover()) == set(example["checks"])
    sinks = {"command", "discord", "email", "ntfy", "slack", "webhook"}
    assert sinks | {"heartbeat", "min_severity", "mode", "proxy"} == set(example["notify"])
    shown = example["checks"]["files"]
    assert "/etc/ld.so.cache" in shown["exclude"], "what is built in is shown; that it changes nothing is tested there"
    shown.update(watch=[], exclude=[])
    assert config.default() == parse(example)
