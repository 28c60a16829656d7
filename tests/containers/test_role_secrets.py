# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets under names of their owner's choice, on a host that the role installed: handed over, used, told to nobody."""

from __future__ import annotations

import hashlib
import hmac
from typing import Dict, List

import pytest
from support.lab import Lab, introduce
from support.machine import Machine
from support.play import Play, changed
from support.receiver import Receiver
from support.watched import Watched

pytestmark = pytest.mark.container
FOLDER = "/etc/vps-sentry.d"
DROP_IN = "/etc/systemd/system/vps-sentry-ship.service.d/vps-sentry-secrets.conf"
SIGNING = "k3y-that-signs"
SECRETS = {
    "hook.of-mine": "",
    "sign_me": SIGNING,
    "Chat": "https://discord.com/api/webhooks/1/t0ken-of-discord",
    "post": "passw0rd-of-mail",
    "unused": "n0body-asks",
}
CONFIG = {
    "notify": {
        "webhook": {"url_file": f"{FOLDER}/hook.of-mine", "secret_file": f"{FOLDER}/sign_me"},
        "discord": {"webhook_url_file": f"{FOLDER}/Chat"},
        "email": {
            "host": "mail.invalid",
            "from": "a@example.org",
            "to": ["b@example.org"],
            "user": "a",
            "password_file": f"{FOLDER}/post",
        },
    }
}


@pytest.fixture(scope="module", name="secrets")
def _secrets(machine: Machine, receiver: Receiver) -> Dict[str, str]:
    """The files on the host, before anything is installed there."""
    secrets = {**SECRETS, "hook.of-mine": introduce(machine, receiver)}
    for name, text in secrets.items():
        machine.write(f"{FOLDER}/{name}", f"{text}\n", mode=0o600)
    machine.run(["chmod", "0700", FOLDER])
    return secrets


@pytest.fixture(scope="module", name="play")
def _play(lab: Lab, machine: Machine, secrets: Dict[str, str]) -> Play:
    play = Play(lab, {"web": [machine]}, name="secrets")
    play.variables["all"] = {"vps_sentry_config": CONFIG}
    said = play.run("install", "--diff", "-vvv")
    assert [] == [text for text in secrets.values() if text in said]
    return play


def credentials(machine: Machine) -> List[str]:
    return [line for line in machine.read(DROP_IN).splitlines() if line.startswith("LoadCredential=")]


def test_each_file_has_its_line_and_a_second_run_changes_nothing(play: Play, machine: Machine) -> None:
    assert [f"LoadCredential={name}:{FOLDER}/{name}" for name in sorted(SECRETS)] == credentials(machine)
    assert {machine.name: 0} == changed(play.run("install"))


def test_a_message_goes_where_the_file_says_signed_by_the_other(
    play: Play, machine: Machine, receiver: Receiver, secrets: Dict[str, str]
) -> None:
    machine.run(["systemctl", "stop", "vps-sentry.timer"])
    host = Watched(machine, receiver)
    host.accept("--reason", "new")
    machine.write("/etc/profile.d/planted.sh", "id\n")
    host.tick()
    machine.run(["systemctl", "start", "vps-sentry.timer"])

    posts = [request for request in receiver.requests if b"/etc/profile.d/planted.sh" in request.body]
    assert secrets["hook.of-mine"].endswith(posts[0].path)
    signed = posts[0].headers["x-vps-sentry-timestamp"].encode() + b"." + posts[0].body
    expected = hmac.new(SIGNING.encode(), signed, hashlib.sha256).hexdigest()
    assert posts[0].headers["x-vps-sentry-signature"] == f"sha256={expected}"


def test_the_others_could_read_theirs_and_failed_for_another_reason(play: Play, machine: Machine) -> None:
    """Neither Discord nor that mail server can be reached from here; a secret that is missing reads otherwise."""
    log = machine.run(["journalctl", "--unit", "vps-sentry-ship", "--output", "cat", "--no-pager"]).stdout
    for sink in ("discord", "email"):
        lines = [line for line in log.splitlines() if sink in line]
        assert any("upload-failure" in line for line in lines), log
        assert not any("missing-config" in line or "webhook-parse-failure" in line for line in lines), log
    assert [] == [text for text in SECRETS.values() if text and text in log]
    tried = machine.run(["vps-sentry-selftest"], check=False).stdout
    assert "ok    secrets: 4 handed over" in tried, tried


def test_what_is_gone_is_forgotten(play: Play, machine: Machine) -> None:
    machine.run(["rm", "-r", FOLDER])
    play.variables["all"] = {"vps_sentry_config": {}}
    play.run("install")

    assert 0 != machine.run(["test", "-e", DROP_IN], check=False).returncode
    assert {machine.name: 0} == changed(play.run("install"))
    machine.run(["systemctl", "start", "vps-sentry-ship.service"])
