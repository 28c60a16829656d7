# SPDX-License-Identifier: GPL-3.0-or-later
"""Daily life on one real host: silencing, accepting for a time, changing the webhook, falling silent, being mended."""

from __future__ import annotations

import json
from typing import List

import pytest
from support.machine import Machine
from support.receiver import Receiver
from support.watched import STATE, Watched

pytestmark = pytest.mark.container
RELEASE = "/opt/vps-sentry/venv"


@pytest.fixture(autouse=True, scope="module")
def _accepted(host: Watched) -> None:
    host.machine.run(["systemctl", "stop", "vps-sentry.timer"])
    host.accept("--reason", "a new host")
    host.tick()
    host.heard()


def doctor(machine: Machine, *words: str) -> List[str]:
    return machine.run(["vps-sentry", "doctor", *words], check=False).stdout.splitlines()


def lines_of(said: List[str], name: str) -> List[str]:
    return [line for line in said if f" {name}:" in line]


def test_the_doctor_finds_a_good_host_good(host: Watched) -> None:
    host.machine.run(["systemctl", "start", "vps-sentry.timer"])
    said = doctor(host.machine)
    host.machine.run(["systemctl", "stop", "vps-sentry.timer"])

    assert [] == [line for line in said if line.startswith("FAIL")]
    assert ["ok    sandbox: in effect"] == lines_of(said, "sandbox")
    assert lines_of(said, "own files")[0].startswith("ok")
    assert "nobody would notice if this host fell silent" in lines_of(said, "silence")[0]
    assert "FAIL  timer" in "\n".join(doctor(host.machine))


def test_a_silenced_alert_is_told_and_then_keeps_quiet(host: Watched) -> None:
    host.machine.write("/etc/cron.d/known", "# ours\n")
    assert 3 == host.tick()
    (alert,) = host.last()["alerts"]
    host.heard()
    host.machine.run(["vps-sentry", "ack", alert["id"][:8], "--for", "7d", "--reason", "ours"])

    assert 0 == host.tick()
    assert 0 == host.tick()
    assert [] == host.heard()
    assert "silenced  /etc/cron.d/known appeared" in host.machine.run(["vps-sentry", "status"]).stdout
    host.machine.run(["rm", "/etc/cron.d/known"])
    host.tick()
    host.heard()


def test_what_was_accepted_for_a_time_comes_back_by_itself(host: Watched) -> None:
    host.machine.write("/etc/cron.d/short", "# for a moment\n")
    host.tick()
    host.accept("--only", "files:/etc/cron.d/short", "--expires", "3s")
    assert 0 == host.tick()
    host.heard()
    host.machine.run(["sleep", "4"])

    assert 3 == host.tick()
    assert ("warning", "open", "file_added", "/etc/cron.d/short") in host.heard()
    assert "expired by vps-sentry" in host.machine.run(["vps-sentry", "baseline", "log"]).stdout
    host.machine.run(["rm", "/etc/cron.d/short"])
    host.tick()
    host.heard()


def beats(receiver: Receiver) -> List[str]:
    return [request.path for request in list(receiver.requests) if request.method == "GET"]


def test_a_sign_of_life_after_every_run_quiet_ones_included(host: Watched, receiver: Receiver) -> None:
    config = json.loads(host.machine.read("/etc/vps-sentry.json"))
    url = config["notify"]["webhook"]["url"].replace("/hook/", "/beat/")
    host.machine.write(
        "/etc/vps-sentry.json", json.dumps({"notify": {**config["notify"], "heartbeat": {"url": url}}}), mode=0o600
    )
    host.accept("--only", "configuration", "--reason", "a dead man's switch")
    before = len(beats(receiver))
    for _ in range(3):
        host.tick()
    assert before + 3 == len(beats(receiver))
    assert "sign of life 20" in host.machine.run(["vps-sentry", "status"], check=False).stdout

    # A run that never ends well is not followed by one.
    host.machine.run(["touch", "-d", "-10 minutes", f"{STATE}/heartbeat"])
    host.machine.run(["systemctl", "start", "vps-sentry-ship.service"])
    assert before + 3 == len(beats(receiver))
    host.tick()


def test_a_swapped_webhook_silences_nobody(host: Watched, receiver: Receiver) -> None:
    """The new address takes nothing, the old one hears of the swap and of what is done under its cover."""
    kept = host.machine.read("/etc/vps-sentry.json")
    host.machine.write("/etc/vps-sentry.json", '{"notify": {"webhook": {"url": "https://127.0.0.1:9/x"}}}', mode=0o600)
    before = len(list(receiver.requests))
    host.tick()
    told = [json.loads(r.body) for r in list(receiver.requests)[before:] if r.method == "POST"]
    codes = {alert["code"] for body in told for alert in body["alerts"]}

    assert "config_changed" in codes
    host.machine.write("/etc/vps-sentry.json", kept, mode=0o600)
    host.tick()


def test_a_tampered_agent_says_so_itself(host: Watched) -> None:
    place = f"{RELEASE}/lib/vps_sentry/judge.py"
    host.machine.run(["cp", "-p", place, "/root/kept.py"])
    host.machine.run(["sh", "-c", f"echo '# nothing to see' >> {place}"])
    host.tick()
    codes = {(alert["severity"], alert["code"]) for alert in host.last()["alerts"]}
    host.machine.run(["cp", "-p", "/root/kept.py", place])

    assert ("critical", "agent_modified") in codes
    assert lines_of(doctor(host.machine), "own files")[0].startswith("ok")
    host.tick()
    assert "agent_modified" not in {code for _, code, _ in host.standing()}, "what was mended does not stand on"


def test_after_an_upgrade_of_python_it_runs_and_can_be_mended(host: Watched) -> None:
    """What a dist-upgrade leaves behind: bytecode of another Python only."""
    turn = "sed 's/\\(.*\\)cpython-[0-9]*\\(.*\\)/mv & \\1cpython-38\\2/'"
    rename = f"find -L {RELEASE}/ -name '*.pyc' | {turn} | sh"
    host.machine.run(["sh", "-euc", rename])
    host.tick()
    assert "runtime_changed" in {alert["code"] for alert in host.last()["alerts"]}

    said = doctor(host.machine, "--fix")
    assert "made anew" in lines_of(said, "fix")[0]
    host.tick()
    assert lines_of(doctor(host.machine), "bytecode") == ["ok    bytecode: made for this Python"]
    assert "0" == host.machine.run(["sh", "-c", f"find -L {RELEASE}/ -name '*cpython-38*' | wc -l"]).stdout.strip()


def test_a_full_disk_is_said_and_nothing_is_lost(host: Watched) -> None:
    """Nothing can be told from a full disk, so no sign of life is given, and the unit fails."""
    room = "mkdir -p /mnt/r; mount -t tmpfs -o size=24m tmpfs /mnt/r; cp -a {0}/. /mnt/r; mount --bind /mnt/r {0}"
    host.machine.run(["sh", "-euc", room.format(STATE)])
    host.tick()
    host.heard()
    before = host.machine.run(["sha256sum", f"{STATE}/baseline.json"]).stdout
    host.machine.run(["sh", "-c", f"cat /dev/zero > {STATE}/plans/filler"], check=False)
    host.machine.write("/etc/cron.d/while-full", "# x\n")
    assert 1 == host.tick()
    said = host.machine.run(["journalctl", "-u", "vps-sentry", "-n", "20", "--no-pager"]).stdout

    assert [line for line in said.splitlines() if "No space left on device" in line and "make room" in line], said
    assert [line for line in doctor(host.machine) if line.startswith("FAIL  disk space")]
    assert before == host.machine.run(["sha256sum", f"{STATE}/baseline.json"]).stdout
    host.machine.run(["rm", f"{STATE}/plans/filler"])
    assert 3 == host.tick()
    # Handed over, not delivered: this host has told more this hour than it may one by one.
    assert "/etc/cron.d/while-full" in {alert["key"] for alert in host.last()["alerts"]}
    assert host.machine.run(["grep", "-rl", "/etc/cron.d/while-full", f"{STATE}/outbox"]).stdout
    host.machine.run(["umount", STATE])
