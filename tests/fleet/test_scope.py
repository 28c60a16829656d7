# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's own rules: what is compared at all, and what weighs most."""

from __future__ import annotations

from typing import Optional, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.scope import scope, severity

SCOPES = [
    pytest.param("files", "/etc/ssh/ssh_host_ed25519_key", "host", id="a host key is the host's own"),
    pytest.param("files", "/etc/shadow", "host", id="salted hashes always differ"),
    pytest.param("files", "/etc/ssh/sshd_config", "shared", id="settings are compared"),
    pytest.param("ports", "tcp:22:wildcard", "shared", id="listeners are compared"),
    pytest.param("system", "text:/etc/hosts", "peers", id="a text without the host's names is compared"),
    pytest.param("system", "os", "shared", id="the system itself on both axes"),
    pytest.param("mounts", "/usr", "host", id="partitions are the host's own"),
    pytest.param("ports", "/etc/shadow", "shared", id="a rule counts for its own check only"),
]
WEIGHTS = [
    pytest.param("files", "/etc/motd", ('{"type":"file"}',), "warning", id="a file"),
    pytest.param("files", "/root/.ssh/authorized_keys", (None,), "critical", id="keys"),
    pytest.param("files", "/usr/local/bin/x", (None, '{"mode":"4755","type":"file"}'), "critical", id="setuid"),
    pytest.param("files", "/usr/local/bin/x", ('{"mode":"2755","type":"file"}',), "critical", id="setgid"),
    pytest.param("files", "/var/mail", ('{"mode":"2775","type":"directory"}',), "warning", id="a setgid directory"),
    pytest.param("files", "/usr/bin/x", ('{"capabilities":"01","type":"file"}',), "critical", id="capabilities"),
    pytest.param("files", "/etc/motd", ('{"mode":"none","type":"file"}',), "warning", id="a mode that is none"),
    pytest.param("ports", "tcp:80:wildcard", ("{}",), "critical", id="open to the world"),
    pytest.param("ports", "tcp:80:loopback", ("{}",), "warning", id="open to itself"),
]


@pytest.mark.parametrize(("check", "key", "expected"), SCOPES)
def test_scope(check: str, key: str, expected: str) -> None:
    assert expected == scope(check, key)


@pytest.mark.parametrize(("check", "key", "values", "expected"), WEIGHTS)
def test_severity(check: str, key: str, values: Tuple[Optional[str], ...], expected: str) -> None:
    assert expected == severity(check, key, values=values)
