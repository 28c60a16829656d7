# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch on the configuration itself: whoever loosens it is told of, whatever else it turned off."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Optional, Tuple

import pytest
from vps_sentry import config
from vps_sentry.checks import Context
from vps_sentry.checks.configuration import CHECK, Options, consequence
from vps_sentry.core.diff import diff_items
from vps_sentry.core.model import Change
from vps_sentry.host import Host

HOOK = "https://discord.com/api/webhooks/123456/abcDEF-_9"
OTHER = "https://discord.com/api/webhooks/999999/other"


def items(document: Dict[str, Any]) -> Any:
    found = config.parse(json.dumps(document).encode())
    effective = config.effective(found)
    return CHECK.collect(Context(Host(), Options(), 0, {}, effective=lambda: effective)).items


CHANGES = [
    pytest.param({}, {"checks": {"ports": {"enabled": False}}}, {"checks.ports.enabled"}, id="a check turned off"),
    pytest.param({"checks": {"files": {"watch": ["/srv"]}}}, {}, {"checks.files.watch"}, id="a watch dropped"),
    pytest.param({}, {"checks": {"files": {"exclude": ["/etc"]}}}, {"checks.files.exclude"}, id="an exclusion added"),
    pytest.param({}, {"notify": {"mode": "controller"}}, {"notify.mode"}, id="nothing is sent any more"),
    pytest.param(
        {"notify": {"discord": {"webhook_url": HOOK}}},
        {"notify": {"discord": {"webhook_url": OTHER}}},
        {"notify.discord"},
        id="the webhook swapped",
    ),
    pytest.param(
        {"notify": {"discord": {"webhook_url": HOOK}}},
        {},
        {"notify.discord"},
        id="the sink gone",
    ),
    pytest.param(
        {},
        {
            "notify": {
                "webhook": {"url": "https://h.example/x", "bundle": True, "secret_file": "/etc/vps-sentry.d/hmac"}
            }
        },
        {"notify.webhook"},
        id="a sink set in one edit is told as one thing",
    ),
    pytest.param(
        {},
        {"notify": {"heartbeat": {"url_file": "/etc/vps-sentry.d/heartbeat-url"}}},
        {"notify.heartbeat"},
        id="and so is the sign of life",
    ),
]


@pytest.mark.parametrize(("before", "after", "expected"), CHANGES)
def test_each_loosening_is_critical_and_named(before: Any, after: Any, expected: Any) -> None:
    changes = list(diff_items("configuration", before=items(before), after=items(after)))

    assert expected == {change.key for change in changes}
    assert {("config_changed", "critical")} == {
        (CHECK.rate(change, Options()).code, CHECK.rate(change, Options()).severity) for change in changes
    }


RELEASES: Tuple[Tuple[str, Optional[Any], Optional[Any], str], ...] = (
    ("checks.ports.brand_new", None, {"value": "1"}, "info"),
    ("checks.ports.retired", {"value": "1"}, None, "info"),
    ("notify.slack", None, {"value": "1"}, "critical"),
    ("accept.fleet_id", {"value": "1"}, None, "critical"),
    ("notify.webhook", {"value": "null"}, None, "info"),
    ("notify.webhook", {"value": "torn"}, None, "critical"),
)


@pytest.mark.parametrize(("key", "before", "after", "severity"), RELEASES)
def test_options_of_a_release_are_no_alarm_but_sinks_and_signers_are(
    key: str, before: Any, after: Any, severity: str
) -> None:
    change = Change("added" if before is None else "removed", "configuration", key, before, after)

    assert severity == CHECK.rate(change, Options()).severity


def test_no_secret_is_an_item() -> None:
    assert HOOK not in json.dumps(items({"notify": {"discord": {"webhook_url": HOOK}}}))


LOSSES = [
    pytest.param({}, {"checks": {"ports": {"enabled": False}}}, ["check ports no longer looks"], id="a check"),
    pytest.param({"checks": {"ports": {"enabled": False}}}, {}, [""], id="a check back again"),
    pytest.param(
        {"checks": {"files": {"watch": ["/srv", "/opt"]}}},
        {"checks": {"files": {"watch": ["/opt"]}}},
        ["no longer watched: /srv"],
        id="a watch",
    ),
    pytest.param({}, {"checks": {"files": {"watch": ["/srv"]}}}, [""], id="a watch more"),
    pytest.param(
        {},
        {"checks": {"files": {"defaults": False}}},
        ["no longer watched: the built-in list"],
        id="everything that is watched by itself",
    ),
    pytest.param(
        {}, {"checks": {"files": {"exclude": ["*.service"]}}}, ["no longer watched: *.service"], id="an exclusion"
    ),
    pytest.param({}, {"checks": {"ports": {"expected": ["tcp:4444"]}}}, ["no longer told: tcp:4444"], id="a port"),
    pytest.param(
        {},
        {"checks": {"ssh_auth": {"expected_logins": [{"user": "eve"}]}}},
        ['no longer told: {"expires":null,"from":"any","key":null,"user":"eve"}'],
        id="a login",
    ),
    pytest.param({}, {"notify": {"mode": "controller"}}, ["other alerts are sent than before"], id="mode"),
    pytest.param(
        {"notify": {"discord": {"webhook_url": HOOK}}},
        {"notify": {"discord": {"webhook_url": OTHER}}},
        ["discord no longer goes where it went"],
        id="the webhook swapped",
    ),
    pytest.param(
        {"notify": {"heartbeat": {"url": "https://a.example/x"}}},
        {"notify": {"heartbeat": {"url": "https://b.example/x"}}},
        ["whoever waited for a sign of life of this host may wait in vain"],
        id="the dead man's switch",
    ),
]


@pytest.mark.parametrize(("before", "after", "lost"), LOSSES)
def test_what_is_lost_is_said(before: Any, after: Any, lost: Any) -> None:
    changes = diff_items("configuration", before=items(before), after=items(after))

    assert lost == [consequence(change) for change in changes]


def test_a_value_of_a_damaged_baseline_has_no_consequence() -> None:
    damaged = Change("changed", "configuration", "checks.files.watch", {"value": "torn"}, {"other": 1})

    assert "" == consequence(damaged)


def test_the_title_says_what_changed() -> None:
    (change,) = diff_items("configuration", before=items({}), after=items({"checks": {"ports": {"enabled": False}}}))
    title = CHECK.rate(change, Options()).title

    assert "configuration: checks.ports.enabled true -> false; check ports no longer looks" == title


def test_the_title_of_a_sink_names_the_options_that_differ_and_no_secret() -> None:
    before = {"notify": {"webhook": {"url": "https://h.example/x", "bundle": True}}}
    after = {"notify": {"webhook": {"url": "https://h.example/y", "secret_file": "/etc/vps-sentry.d/hmac"}}}
    (change,) = diff_items("configuration", before=items(before), after=items(after))
    title = re.sub(r"\(sha256:[0-9a-f]{12}\)", "(digest)", CHECK.rate(change, Options()).title)

    assert (
        "configuration: notify.webhook bundle true -> false, secret_file not set -> /etc/vps-sentry.d/hmac, "
        "url (digest) -> (digest); webhook no longer goes where it went" == title
    )
