# SPDX-License-Identifier: GPL-3.0-or-later
"""A public server: what a tick costs while somebody always knocks, and that a login is still told at the next one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import pytest
from support.machine import Machine

pytestmark = [pytest.mark.container, pytest.mark.budget]
ROOT = Path(__file__).resolve().parent.parent.parent
RUNTIME = "/opt/vps-sentry/venv/bin/vps-sentry"
STATE = "/var/lib/vps-sentry"
ROUNDS = 15
# By turns: bare Python, then (not counted) some fifty new lines, then a tick. Whether it was quiet tells last.json.
HARNESS = """
import json, os, statistics, subprocess, sys, time

def run(argv, environment):
    child = os.fork()
    if child == 0:
        null = os.open("/dev/null", os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.execve(argv[0], argv, environment)
    _, status, usage = os.wait4(child, 0)
    return usage.ru_utime + usage.ru_stime

def knock(number):
    lines = []
    for count in range(17):
        at = f"198.51.{(number * 17 + count) % 250}.{count + 1} port {40000 + count}"
        lines += [f"Failed password for root from {at} ssh2", f"Received disconnect from {at}:11: Bye Bye [preauth]",
                  f"Disconnected from authenticating user root {at} [preauth]"]
    subprocess.run(["logger", "-t", "sshd", "-p", "auth.info"], input="\\n".join(lines), text=True, check=True)
    time.sleep(0.3)

plain = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
bare, ticks, quiet = [], [], []
for number in range(int(sys.argv[1])):
    before = os.stat("/var/lib/vps-sentry/last.json").st_mtime_ns
    bare.append(run(["/usr/bin/python3", "-I", "-S", "-c", "pass"], plain))
    knock(number)
    ticks.append(run(sys.argv[2:], {**plain, "INVOCATION_ID": "0"}))
    quiet.append(os.stat("/var/lib/vps-sentry/last.json").st_mtime_ns == before)
print(json.dumps({"ratio": statistics.median(ticks) / statistics.median(bare), "quiet": quiet}))
"""


@pytest.fixture(scope="module", name="besieged")
def _besieged(machine: Machine) -> Machine:
    """Installed and accepted, with the bursts standing that every public server shows."""
    machine.copy_in(ROOT, "/root/vps-sentry")
    config = {"checks": {"files": {"defaults": False, "watch": ["/etc/ssh"]}}}
    machine.write("/etc/vps-sentry.json", json.dumps(config), mode=0o600)
    machine.write("/root/harness.py", HARNESS)
    machine.run(["/root/vps-sentry/scripts/install.sh"])
    machine.run(["systemctl", "stop", "vps-sentry.timer"])
    machine.run(["vps-sentry", "--accept-baseline"])
    places = [f"192.0.{number}.7 port {number + 1024}" for number in range(80)]
    say(machine, *(f"Failed password for root from {place} ssh2" for place in places))
    machine.run(["sh", "-c", f"sleep 3; {RUNTIME}; {RUNTIME}"], check=False)
    return machine


def say(machine: Machine, *messages: str) -> None:
    machine.run(["logger", "-t", "sshd", "-p", "auth.info"], stdin="\n".join(messages))


def alerts(machine: Machine) -> List[str]:
    last: Dict[str, Any] = json.loads(machine.read(f"{STATE}/last.json"))
    return [alert["code"] for alert in last["alerts"] if alert["state"] != "resolved"]


def test_a_tick_with_fifty_lines_of_brute_force(besieged: Machine) -> None:
    """One tick in twelve believes no stamp, so not all of them are quiet, and the median is.

    Every check is on, for which six times a bare Python are allowed; what somebody's knocking costs has to fit in.
    """
    assert "ssh_failure_burst" in alerts(besieged)
    found = json.loads(besieged.run(["python3", "/root/harness.py", str(ROUNDS), RUNTIME, "--format", "text"]).stdout)

    assert sum(found["quiet"]) > ROUNDS // 2
    assert found["ratio"] <= 5


def test_a_login_among_it_is_told_at_the_next_tick(besieged: Machine) -> None:
    say(
        besieged,
        "Failed password for root from 198.51.7.1 port 9 ssh2",
        "Accepted password for root from 198.51.7.1 port 10 ssh2",
    )
    besieged.run(
        ["sh", "-c", f"sleep 0.3; INVOCATION_ID=0 {RUNTIME} --format text </dev/null >/tmp/out 2>&1"], check=False
    )

    assert "ssh_login_after_burst" in alerts(besieged)
