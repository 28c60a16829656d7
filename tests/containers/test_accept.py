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
        usual = [
            "-e",
            f"vps_sentry_store={self.store}",
            "-e",
            f"folder={self.folder}",
            "-e",
            "vps_sentry_fleet_id=acme",
        ]
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
    office.play("install")
    # Runs of the timer's own would move the hosts between two steps of the story.
    office.everywhere("systemctl", "stop", "vps-sentry.timer")
    return office


def test_the_story(office: Office) -> None:
    """One test, because each part starts from what the one before left."""
    nothing_changes_without_a_plan(office)
    a_reviewed_change(office)
    root_on_the_fifth(office)


def nothing_changes_without_a_plan(office: Office) -> None:
    first, names = office.machines[0], [machine.name for machine in office.machines]
    plan = office.plan()
    assert "no baseline accepted yet" in first.run(["vps-sentry", "baseline", "show"]).stdout
    done = office.apply(plan, "-e", "canary=false")

    assert dict.fromkeys(names, "active") == {name: done[name] for name in names}, done["text"]
    assert 1 == sequence(first)


def sequence(machine: Machine) -> int:
    shown: Dict[str, Any] = json.loads(machine.run(["vps-sentry", "baseline", "show", "--format", "json"]).stdout)
    return int(shown["sequence"])


def a_reviewed_change(office: Office) -> None:
    """One host moves on before it is applied, one is down, one changes all the time elsewhere."""
    first, second, third, fourth, fifth = office.machines
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
    assert 2 == sequence(fourth)


def root_on_the_fifth(office: Office) -> None:
    """A key of his own accepted on the spot, the state put back, an old answer given again: each is told as itself."""
    fifth = office.machines[4]
    fifth.run(["cp", "-a", "/var/lib/vps-sentry", "/root/copy"])
    fifth.write("/root/.ssh/authorized_keys", INTRUDER + "\n", mode=0o600)
    fifth.run(["vps-sentry", "--accept-baseline", "--reason", "nothing to see"])
    assert [(fifth.name, "local_accept")] == office.doubts()
    assert f"{fifth.name}: not believed, local_accept" in office.play("accept")

    fifth.run(["sh", "-c", "rm -rf /var/lib/vps-sentry && cp -a /root/copy /var/lib/vps-sentry"])
    fifth.run(LOOK)
    assert (fifth.name, "history_break") in office.doubts()

    fifth.run(["sh", "-c", "vps-sentry bundle </dev/null >/root/bundle"])
    fifth.write("/usr/local/bin/vps-sentry", "#!/bin/sh\ncat >/dev/null\nexec cat /root/bundle\n", mode=0o755)
    assert (fifth.name, "replay") in office.doubts()
    assert "unbroken" in office.fleet("audit", "verify")
