# SPDX-License-Identifier: GPL-3.0-or-later
"""The desk of a person who accepts: machines of the laboratory, one store, and the playbooks that are run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

from .lab import ROOT, Lab
from .machine import Machine


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

    def everywhere(self, *command: str) -> None:
        for machine in self.machines:
            machine.run(list(command))
