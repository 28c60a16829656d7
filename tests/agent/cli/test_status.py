# SPDX-License-Identifier: GPL-3.0-or-later
"""``status``: everything an operator asks for at a glance, from what is on disk, whatever others wrote there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.shell import Shell
from vps_sentry.cli.status import age, since
from vps_sentry.ship import PULSE

CONFIG = {
    "checks": {"ssh_auth": {"expected_logins": [{"user": "deploy", "key": "SHA256:abc", "expires": "2099-01-31"}]}}
}
KEYS = {
    *("schema", "host", "machine_id", "time", "version", "baseline", "checks", "alerts", "cost", "stamps_bypassed_at"),
    *(
        "acknowledged",
        "expected_logins",
        "heartbeat",
        "last_shipped",
        "next_due",
        "outbox",
        "sign_of_life",
        "temporary",
        "window",
    ),
}


@pytest.fixture(name="shell")
def _shell(owned: Path) -> Shell:
    """A disk with two open alerts, one of them acknowledged, and one item accepted for a time."""
    shell = Shell(owned)
    shell.configure(CONFIG)
    shell.accept()
    (shell.root / "etc/motd").write_text("for a time\n")
    shell.accept("--expires", "2h", "--reason", "a deployment")
    for name in ("ld.so.preload", "profile"):
        (shell.root / "etc" / name).write_text("x")
    shell.look()
    found = json.loads((shell.state / "last.json").read_bytes())["alerts"]
    (preload,) = (alert["id"] for alert in found if alert["code"] == "file_preload")
    shell.run("ack", preload, "--for", "7d", "--reason", "known")
    shell.look()
    return shell


def document(shell: Shell) -> Any:
    return json.loads(shell.run("status", "--format", "json").stdout)


def test_a_person_sees_it_all(shell: Shell) -> None:
    said = shell.run("status").stdout

    for words in (
        "baseline #2, accepted 20",
        "  1 item of #2 only until 20",
        "a deployment",
        "next full look 20",
        "WARNING   /etc/profile appeared",
        "open for ",
        "silenced  /etc/ld.so.preload appeared",
        "by tester (claimed",
        ": known",
        "expected login: deploy from any, key SHA256:abc, until 2099-01-31",
        "0 messages waiting",
    ):
        assert words in said, said


def test_the_keys_for_programs_are_these(shell: Shell) -> None:
    found = document(shell)

    assert KEYS == set(found)
    assert ["known"] == [silence["reason"] for silence in found["acknowledged"].values()]
    assert [("a deployment", 2)] == [(entry["reason"], entry["sequence"]) for entry in found["temporary"]]
    assert ["deploy"] == [login["user"] for login in found["expected_logins"]]


SIGNS = [
    pytest.param(b'{"error":"","time":1800000000}', {"error": "", "time": "2027-01-15T08:00:00Z"}, id="given"),
    pytest.param(b'{"error":"no route","time":1800000000}', "no route", id="not given"),
    pytest.param(b'{"error":"","ti', None, id="torn"),
    pytest.param(b'{"error":"","time":9007199254740991}', None, id="a year that is none"),
    pytest.param(b"[]", None, id="another shape"),
    pytest.param(b"x" * 5000, None, id="too much of it"),
]


@pytest.mark.parametrize(("data", "expected"), SIGNS)
def test_the_sign_of_life_is_believed_only_in_its_own_shape(shell: Shell, data: bytes, expected: Any) -> None:
    """The ship process writes it, and that one talks to the Internet."""
    (shell.state / PULSE).write_bytes(data)
    found = document(shell)["sign_of_life"]

    assert expected == (found["error"] if isinstance(expected, str) else found)


def test_a_configuration_that_cannot_be_read_is_said(shell: Shell) -> None:
    shell.config.write_text("{")
    done = shell.run("status")

    assert 3 == done.returncode
    assert f"configuration: {shell.config}" in done.stdout


AGES = [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (86400 * 3 + 5, "3 d"), (-5, "0 s")]


@pytest.mark.parametrize(("seconds", "words"), AGES)
def test_ages_read_at_a_glance(seconds: int, words: str) -> None:
    assert words == age(100, 100 + seconds)


def test_a_time_that_is_none_hides_nothing_else() -> None:
    assert "an unknown time" == since("soon", 0)
