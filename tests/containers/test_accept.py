# SPDX-License-Identifier: GPL-3.0-or-later
"""Five hosts over real ssh accept what was reviewed: one moves meanwhile, one is down, one belongs to somebody else."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest
from support.lab import Lab
from support.machine import Machine

pytestmark = pytest.mark.container
ROOT = Path(__file__).resolve().parent.parent.parent
LOOK = ["vps-sentry", "run", "--exit-zero"]
INTRUDER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKalikalikalikalikalikalikalikalikalikalikali kali"


class Office:
    """The machines, one store, and the playbooks that a person runs."""

    def __init__(self, lab: Lab, machines: List[Machine], folder: Path) -> None:
        self.machines = machines
        self.folder = folder
        self.store = f"sqlite:///{folder}/fleet.sqlite"
        self._lab = lab
        self._inventory = lab.inventory(machines, group="web")

    def play(self, name: str, *arguments: str, code: int = 0) -> str:
        """Run one of the playbooks; what it printed."""
        usual = ["-e", f"vps_sentry_store={self.store}", "-e", f"folder={self.folder}"]
        done = self._lab.playbook(ROOT / f"playbooks/{name}.yml", self._inventory, *usual, *arguments)
        assert code == done.returncode, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def plan(self, *arguments: str) -> Path:
        """The plan that accept.yml writes."""
        for old in self.folder.glob("plan-*.json"):
            old.unlink()
        printed = self.play("accept", *arguments)
        found = list(self.folder.glob("plan-*.json"))
        assert len(found) == 1, printed
        return found[0]

    def apply(self, plan: Path, *arguments: str) -> Dict[str, Any]:
        """Apply a plan; host -> what came of it, and the recap under ``text``."""
        result = self.folder / "result.json"
        text = self.play(
            "accept",
            "-e",
            f"plan={plan}",
            "-e",
            "confirm=yes",
            "-e",
            "max=100%",
            "-e",
            f"result_file={result}",
            *arguments,
        )
        told = json.loads(result.read_text())
        return {"text": text, **{row["host"]: row["state"] for row in told["hosts"]}}

    def doubts(self) -> List[Tuple[str, str]]:
        """Collect, then what stands against believing hosts: host and code."""
        self.play("collect")
        told = json.loads(self.fleet("hosts", "--format", "json"))
        return sorted((doubt["host"], doubt["code"]) for doubt in told["doubts"])

    def fleet(self, *words: str) -> str:
        """What one command of vps-sentry-fleet prints."""
        command = Path(sysconfig.get_path("scripts")) / "vps-sentry-fleet"
        done = subprocess.run(
            [str(command), words[0], "--store", self.store, *words[1:]], capture_output=True, text=True
        )
        return f"{done.stdout}{done.stderr}"

    def everywhere(self, *command: str) -> None:
        for machine in self.machines:
            machine.run(list(command))


@pytest.fixture(scope="module", name="office")
def _office(lab: Lab, fleet: Callable[[int], List[Machine]], tmp_path_factory: pytest.TempPathFactory) -> Office:
    office = Office(lab, fleet(5), tmp_path_factory.mktemp("office"))
    office.play("install", "-e", "vps_sentry_fleet_id=acme")
    # Runs of the timer's own would move the hosts between two steps of the story.
    office.everywhere("systemctl", "stop", "vps-sentry.timer")
    return office


def test_the_story(office: Office) -> None:
    """One test, because each step starts from what the one before left."""
    first, second, third, fourth, fifth = office.machines
    names = [machine.name for machine in office.machines]

    # Nothing changes without a plan, nor with one that is only looked at.
    plan = office.plan()
    assert "no baseline accepted yet" in first.run(["vps-sentry", "baseline", "show"]).stdout
    done = office.apply(plan, "-e", "canary=false")
    assert dict.fromkeys(names, "active") == {name: done[name] for name in names}, done["text"]
    assert "accepted_by" in first.run(["vps-sentry", "baseline", "show", "--format", "json"]).stdout

    # A reviewed change: one host moves on before it is applied, one is down, one changes all the time elsewhere.
    for machine in office.machines:
        machine.write("/etc/motd", "welcome\n")
    office.everywhere(*LOOK)
    plan = office.plan("-e", "only=files:/etc/motd")
    second.write("/etc/motd", "welcome to my own\n")
    third.write("/etc/issue.net", "changing\n")
    fourth.run(["sh", "-c", "systemctl stop ssh.socket ssh; pkill sshd; true"])
    done = office.apply(plan)
    assert ("stale", "pending") == (done[second.name], done[fourth.name]), done["text"]
    assert {"active"} == {done[machine.name] for machine in (first, third, fifth)}, done["text"]
    assert "/etc/motd is no longer as reviewed" in done["text"]
    assert "/etc/issue.net" in third.run(["vps-sentry", "baseline", "diff"]).stdout

    # The one that was down is asked again at the next collect.
    fourth.run(["systemctl", "start", "ssh"])
    office.play("collect")
    shown = json.loads(fourth.run(["vps-sentry", "baseline", "show", "--format", "json"]).stdout)
    assert 2 == shown["sequence"]

    # Root on the fifth: a key of his own, accepted on the spot.
    fifth.run(["cp", "-a", "/var/lib/vps-sentry", "/root/copy"])
    fifth.write("/root/.ssh/authorized_keys", INTRUDER + "\n", mode=0o600)
    fifth.run(["vps-sentry", "--accept-baseline", "--reason", "nothing to see"])
    assert [(fifth.name, "local_accept")] == office.doubts()
    assert f"{fifth.name}: not believed, local_accept" in office.play("accept")

    # He puts the state back that he kept: what the host says now is older than what it said before.
    fifth.run(["sh", "-c", "rm -rf /var/lib/vps-sentry && cp -a /root/copy /var/lib/vps-sentry"])
    fifth.run(LOOK)
    assert (fifth.name, "history_break") in office.doubts()

    # He masks the timer and lets the agent answer from a copy: every answer is checked for being fresh.
    fifth.run(["sh", "-c", "vps-sentry bundle </dev/null >/root/bundle"])
    fifth.write("/usr/local/bin/vps-sentry", "#!/bin/sh\ncat >/dev/null\nexec cat /root/bundle\n", mode=0o755)
    assert (fifth.name, "replay") in office.doubts()
    told = office.play("accept")
    assert f"{fifth.name}: " in told
    log = office.fleet("audit", "verify")
    assert "unbroken" in log
