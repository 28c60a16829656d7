# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks against machines of the laboratory, with an inventory of the test's own making."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence

import yaml

from .lab import ROOT, Lab
from .machine import Machine

PLACES = "/etc /usr /opt /var/lib"
# What changes by itself while nobody does anything, or is a cache of systemd's.
VOLATILE = "-not -path '/var/lib/systemd/*' -not -path '/usr/*/__pycache__*'"


class Play:
    """An inventory of groups, and what a playbook said."""

    def __init__(self, lab: Lab, groups: Mapping[str, Sequence[Machine]], *, name: str = "play") -> None:
        self.lab = lab
        self.groups = groups
        self.variables: Dict[str, Dict[str, Any]] = {}
        """Of a group or a host, by its name."""
        self._path = lab.directory / f"{name}.yml"

    def write(self) -> Path:
        """The inventory as it is now."""
        base = yaml.safe_load(self.lab.inventory([]).read_text())["servers"]["vars"]
        children = {
            group: {
                "hosts": {m.name: {"ansible_host": m.address, **self.variables.get(m.name, {})} for m in machines},
                "vars": self.variables.get(group, {}),
            }
            for group, machines in self.groups.items()
        }
        content = {"all": {"vars": {**base, **self.variables.get("all", {})}, "children": children}}
        self._path.write_text(yaml.safe_dump(content))
        return self._path

    def run(self, playbook: str, *arguments: str, code: Optional[int] = 0) -> str:
        """What a playbook printed, both streams; it has to end with ``code``, whatever it is if None."""
        done = self.lab.playbook(ROOT / "playbooks" / f"{playbook}.yml", self.write(), *arguments)
        said = f"{done.stdout}\n{done.stderr}"
        assert code is None or code == done.returncode, said
        return said


def changed(said: str) -> Dict[str, int]:
    """Changed tasks by host, from the recap."""
    return {name: int(count) for name, count in re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", said, re.MULTILINE)}


def listing(machine: Machine) -> str:
    """Every file where an installation could leave something: name, mode, owner, size, time of content."""
    script = f"find {PLACES} -xdev {VOLATILE} -not -type d -printf '%p %m %u %g %s %T@\\n' | sort"
    folders = f"find {PLACES} -xdev {VOLATILE} -type d -printf '%p %m %u %g\\n' | sort"
    return machine.run(["sh", "-c", f"{script}; {folders}"]).stdout
