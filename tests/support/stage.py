# SPDX-License-Identifier: GPL-3.0-or-later
"""A real host on which actions are performed between quiet ticks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

from actions import Action

from .lab import ROOT
from .machine import Machine
from .watched import CHECKOUT

# Runs on the host, with its own Python. Reads {before, do, undo, after}, prints what came of it.
#
# A file is trusted by its time stamps once they are two seconds old, so the next quiet tick has to wait that long.
PROGRAM = """
import json, subprocess, sys, time
sys.path.insert(0, "/opt/vps-sentry/venv/lib")
from vps_sentry.tick.quiet import quiet
STATE = "/var/lib/vps-sentry"
row = json.load(sys.stdin)

def sh(commands):
    done = subprocess.run(["sh", "-euc", commands], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{commands!r} ended {done.returncode}: {done.stdout}{done.stderr}")

def tick():
    subprocess.run(["systemctl", "start", "vps-sentry.service"], check=True, capture_output=True)
    # It follows by itself; this waits until it is over, for while it runs it is a process of systemd's that counts.
    subprocess.run(["systemctl", "start", "vps-sentry-ship.service"], check=True, capture_output=True)

def standing():
    with open(STATE + "/last.json") as handle:
        alerts = json.load(handle)["alerts"]
    return [alert for alert in alerts if alert["state"] != "resolved"]

def accept():
    subprocess.run(["vps-sentry", "--accept-baseline", "--reason", "as it is"], check=True, capture_output=True)

def calm():
    for _ in range(4):
        if quiet(STATE, bypass=False) is not None:
            return True
        time.sleep(2.1)
        tick()
    return False

if row["before"]:
    sh(row["before"])
    accept()
found = {"calm": calm(), "stood": [alert["title"] for alert in standing()]}
sh(row["do"])
found["moved"] = quiet(STATE, bypass=False) is None
tick()
found["said"] = standing()
sh(row["undo"])
tick()
found["left"] = standing()
sh(row["after"])
if found["left"] or row["after"]:
    accept()
print(json.dumps(found))
"""

Said = Tuple[str, str, str, str]


@dataclass(frozen=True)
class Performed:
    """What came of one action."""

    calm: bool
    """Whether the tick before it was quiet."""
    stood: List[str]
    """What was open before it."""
    moved: bool
    """Whether the very next tick left the quiet path, no stamp being passed over by chance."""
    said: List[Said]
    """Check, code, severity and title of the alerts open after it, what was folded into another one left out."""
    left: List[Said]
    """The same after it was undone."""


class Stage:
    """A host with the agent and an accepted baseline; its timer is off, so that only these ticks look."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        machine.copy_in(ROOT, CHECKOUT)
        machine.run([f"{CHECKOUT}/scripts/install.sh"])
        machine.run(["systemctl", "stop", "vps-sentry.timer"])
        machine.write("/root/perform.py", PROGRAM)
        machine.run(["systemctl", "start", "vps-sentry.service"])
        machine.run(["vps-sentry", "--accept-baseline", "--reason", "a stage"])

    def perform(self, action: Action) -> Performed:
        """Do it, look, undo it, look."""
        order = json.dumps({name: getattr(action, name) for name in ("before", "do", "undo", "after")})
        done = self.machine.run(["python3", "-I", "/root/perform.py"], stdin=order)
        found: Dict[str, Any] = json.loads(done.stdout)
        said, left = (sorted(map(_said, found[name])) for name in ("said", "left"))
        return Performed(found["calm"], found["stood"], found["moved"], said, left)


def _said(alert: Dict[str, Any]) -> Said:
    return alert["check"], alert["code"], alert["severity"], alert["title"]
