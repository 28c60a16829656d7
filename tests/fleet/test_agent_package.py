# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller judges a configuration as the agent on the host would, and names every mistake, never a value."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.agent_package import Agent, ConfigurationError
from vps_sentry import config
from vps_sentry.errors import ConfigError

AGENT = Agent()
HOOK = "https://discord.com/api/webhooks/123/s3cret-token"

GOOD = [
    pytest.param({}, id="empty"),
    pytest.param(config.example(), id="the example with every option"),
    pytest.param({"notify": {"discord": {"webhook_url": HOOK}}}, id="a sink"),
    pytest.param({"checks": {"ports": {"expected": ["tcp:22", {"port": "udp:1", "exe": "/x"}]}}}, id="both forms"),
    pytest.param({"notify": {"alerts": HOOK}}, id="a webhook under another name is forgiven"),
]


@pytest.mark.parametrize("document", GOOD)
def test_good_ones_pass(document: Dict[str, Any]) -> None:
    AGENT.check(document)


BAD = [
    pytest.param({"check": {}}, ["check: unknown key"], id="unknown key at the top"),
    pytest.param({"checks": {"port": {}}}, ["checks.port: unknown key"], id="no such check"),
    pytest.param({"checks": {"files": {"path": []}}}, ["checks.files.path: unknown key"], id="no such option"),
    pytest.param(
        {"checks": {"files": {"enabled": "yes"}, "ssh_auth": {"failed_threshold": "1", "window": 3}}},
        ["checks.files.enabled: ", "checks.ssh_auth.failed_threshold: ", "checks.ssh_auth.window: "],
        id="every mistake at once",
    ),
    pytest.param({"checks": {"ports": {"expected": ["tcp:99999"]}}}, ["checks.ports: "], id="right type, no port"),
    pytest.param({"checks": {"ports": {"expected": [{"prt": "tcp:1"}]}}}, ["expected.0"], id="further down"),
    pytest.param({"notify": {"discord": {"webhook_url": HOOK + "/x"}}}, ["webhook-parse-failure"], id="no webhook"),
    pytest.param({"notify": {"discord": {"webhook_url": [HOOK]}}}, ["notify.discord.webhook_url: "], id="a list"),
    pytest.param({"remind_after": "soon"}, ["soon"], id="no duration"),
    pytest.param({"notify": {"mode": "sometimes"}}, ["notify.mode"], id="unknown word"),
    pytest.param({"notify": []}, ["notify: expected an object"], id="a list for an object"),
]


@pytest.mark.parametrize(("document", "words"), BAD)
def test_bad_ones_are_refused_by_both(document: Dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        AGENT.check(document)
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)
    assert "s3cret" not in str(caught.value)

    with pytest.raises(ConfigError):
        config.parse(json.dumps(document).encode())
