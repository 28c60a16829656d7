# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers of an inventory become one configuration: what adds up, what decides, what is refused."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.layers import LayerError, compose, is_layer


def ports(*expected: str) -> Dict[str, Any]:
    return {"checks": {"ports": {"expected": list(expected)}}}


COMPOSED = [
    pytest.param({}, None, id="nobody speaks of it: the file of the host is left alone"),
    pytest.param({"vps_sentry_config": {}}, {}, id="an empty word is a word"),
    pytest.param({"vps_sentry_config": ports("tcp:22")}, ports("tcp:22"), id="one variable is the whole file"),
    pytest.param(
        {"vps_sentry_config_all": ports("tcp:22"), "vps_sentry_config_web": ports("tcp:80", "tcp:22")},
        ports("tcp:22", "tcp:80"),
        id="ports of two groups add up, each once",
    ),
    pytest.param(
        {"vps_sentry_config_all": ports("tcp:22"), "vps_sentry_config": ports("tcp:9000")},
        ports("tcp:22", "tcp:9000"),
        id="the host's own add up too",
    ),
    pytest.param(
        {
            "vps_sentry_config_a": {"checks": {"files": {"watch": ["/srv", {"path": "/var/www", "recursive": True}]}}},
            "vps_sentry_config_b": {"checks": {"files": {"watch": ["/data"]}}, "remind_after": "1h"},
        },
        {
            "checks": {"files": {"watch": ["/srv", {"path": "/var/www", "recursive": True}, "/data"]}},
            "remind_after": "1h",
        },
        id="watched paths add up, other keys stand beside",
    ),
    pytest.param(
        {"vps_sentry_config_a": {"remind_after": "1h"}, "vps_sentry_config_b": {"remind_after": "1h"}},
        {"remind_after": "1h"},
        id="two layers that agree",
    ),
    pytest.param(
        {"vps_sentry_config_a": {"remind_after": "1h"}, "vps_sentry_config": {"remind_after": "2h"}},
        {"remind_after": "2h"},
        id="the host has the last word",
    ),
    pytest.param(
        {"vps_sentry_fleet_id": "f1", "vps_sentry_config_a": {"accept": {"allowed_signers": "/x"}}},
        {"accept": {"allowed_signers": "/x", "fleet_id": "f1"}},
        id="the fleet's id goes where it belongs",
    ),
]


@pytest.mark.parametrize(("variables", "expected"), COMPOSED)
def test_layers_compose(variables: Dict[str, Any], expected: object) -> None:
    assert expected == compose(variables)


REFUSED = [
    pytest.param(
        {"vps_sentry_config_a": {"remind_after": "1h"}, "vps_sentry_config_b": {"remind_after": "2h"}},
        "remind_after: vps_sentry_config_a and vps_sentry_config_b say different things",
        id="which group is nearer is nobody's guess",
    ),
    pytest.param(
        {"vps_sentry_config_a": {"checks": {"ports": []}}, "vps_sentry_config_b": ports("tcp:22")},
        "checks.ports: vps_sentry_config_a and vps_sentry_config_b say",
        id="a list where the other has an object",
    ),
    pytest.param({"vps_sentry_config_a": "tcp:22"}, "vps_sentry_config_a: must be a dictionary", id="text"),
    pytest.param({"vps_sentry_config": ["x"]}, "vps_sentry_config: must be a dictionary", id="a list"),
    pytest.param(
        {"vps_sentry_fleet_id": "f1", "vps_sentry_config": {"accept": {"fleet_id": "f2"}}},
        "accept.fleet_id: vps_sentry_config and vps_sentry_fleet_id say",
        id="two fleets",
    ),
]


@pytest.mark.parametrize(("variables", "words"), REFUSED)
def test_layers_that_disagree_are_refused(variables: Dict[str, Any], words: str) -> None:
    with pytest.raises(LayerError) as caught:
        compose(variables)
    assert words in str(caught.value)
    assert "1h" not in str(caught.value), "a value may be a secret"


def test_layers_are_left_as_they_were() -> None:
    shared = ports("tcp:22")
    for _ in range(2):
        compose({"vps_sentry_config_a": shared, "vps_sentry_config_b": ports("tcp:80")})
    assert ports("tcp:22") == shared


@pytest.mark.parametrize(
    ("name", "expected"),
    [("vps_sentry_config", True), ("vps_sentry_config_web", True), ("vps_sentry_configure", False), ("x", False)],
)
def test_what_is_a_layer(name: str, *, expected: bool) -> None:
    assert expected == is_layer(name)
