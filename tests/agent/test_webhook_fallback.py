# SPDX-License-Identifier: GPL-3.0-or-later
"""The one forgiven mistake in a configuration, forgiven exactly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from vps_sentry import config
from vps_sentry.errors import ConfigError
from vps_sentry.webhook_fallback import find_discord_webhook

HOOK = "https://discord.com/api/webhooks/123456/abcDEF-_9"
OTHER = "https://discord.com/api/webhooks/999999/other"


def parse(document: Any) -> config.Config:
    return config.parse(json.dumps(document).encode(), path="/etc/vps-sentry.json")


BAD = [
    pytest.param({"a": HOOK, "b": OTHER}, "webhook-parse-failure: a, b hold different", id="two webhooks by fallback"),
    pytest.param({"hook": HOOK + "/extra"}, "hook: unknown key", id="fallback wants an exact URL"),
    pytest.param({"hook": "https://evil.example/?x=" + HOOK}, "hook: unknown key", id="merely contains one"),
    pytest.param({"hook": HOOK.replace("discord.com", "discord.com.evil.example")}, "unknown key", id="other host"),
]


@pytest.mark.weakness(14)
@pytest.mark.parametrize(("document", "problem"), BAD)
def test_anything_else_is_an_unknown_key(document: Any, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        parse(document)


@pytest.mark.parametrize("document", [{"my_hook": HOOK}, {"old": {"deep": [{"url": HOOK}]}}, {"a": HOOK, "b": HOOK}])
def test_a_webhook_under_another_key_is_used_with_a_warning(document: Any) -> None:
    found = parse(document)

    assert HOOK == found.notify.sinks["discord"].webhook_url
    assert ("move the Discord webhook to notify.discord.webhook_url",) == found.warnings


def test_the_preferred_key_wins() -> None:
    found = parse({"my_hook": OTHER, "notify": {"discord": {"webhook_url": HOOK}}})

    assert HOOK == found.notify.sinks["discord"].webhook_url


def test_the_keys_that_held_it_are_gone_from_the_document() -> None:
    document = {"hook": [HOOK], "checks": {}}

    assert HOOK == find_discord_webhook([(document, frozenset({"checks"}))], preferred=False)
    assert {"checks": {}} == document


def test_an_unknown_key_of_notify_counts_too() -> None:
    assert HOOK == parse({"notify": {"url": HOOK}}).notify.sinks["discord"].webhook_url


def test_two_by_fallback_do_not_matter_beside_the_preferred_one() -> None:
    found = parse({"a": HOOK, "b": OTHER, "notify": {"discord": {"webhook_url": HOOK}}})

    assert HOOK == found.notify.sinks["discord"].webhook_url
