# SPDX-License-Identifier: GPL-3.0-or-later
"""Five hosts over real ssh accept what was reviewed: one moves meanwhile, one is down, one belongs to somebody else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Callable, Dict, List

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
        self._lab = lab
        self._inventory = lab.inventory(machines, group="web")

    def play(self, name: str, *arguments: str, code: int = 0) -> str:
        """Run one of the playbooks; what it printed."""
        usual = ["-e", f"vps_sentry_store=sqlite:///{self.folder}/fleet.sqlite", "-e", f"folder={self.folder}"]
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

    def doubts(self) -> List[str]:
        """What collecting says against hosts, as ``host code``."""
        printed = self.play("collect")
        return sorted(
            set(re.findall(r"(node-\d+) +(local_accept|rollback|fork|history_break|replay|stopped)", printed))
        )

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

    # He puts the state back that he kept.
    fifth.run(["sh", "-c", "rm -rf /var/lib/vps-sentry && cp -a /root/copy /var/lib/vps-sentry"])
    fifth.run(LOOK)
    assert (fifth.name, "history_break") in office.doubts() or (fifth.name, "rollback") in office.doubts()

    # He stops the timer's work: the agent answers, but nobody looks.
    assert any(fifth.name == name for name, _code in office.doubts())
