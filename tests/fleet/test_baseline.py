# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``baseline`` by real Ansible and a real agent on a small disk: look, accept that and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Dict

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.host_baseline import (
    AcceptanceError,
    last_accepted,
    read_acceptance,
)
from support.tree import ROOT

PYTHON = f"ansible_python_interpreter={sys.executable}"
PLAY = """
- hosts: all
  connection: local
  gather_facts: false
  tasks:
    - vps_sentry.fleet.baseline: ARGUMENTS
      register: found
      ignore_errors: true
    - ansible.builtin.copy: {content: "{{ found | to_json }}", dest: "FOUND", mode: "0600"}
      check_mode: false
"""
SCRIPT = """#!/bin/sh
export PYTHONPATH=SOURCES
case $1 in
    baseline) exec EXECUTABLE -m vps_sentry "$@" --state-dir STATE ;;
    *) exec EXECUTABLE -m vps_sentry "$@" --root ROOT --state-dir STATE ;;
esac
"""


class Disk:
    """A small disk, its agent, and the module asked about it."""

    def __init__(self, place: Path) -> None:
        self._place, self.etc = place, place / "root/etc"
        self.etc.mkdir(parents=True)
        for name in ("machine-id", "hostname", "motd"):
            (self.etc / name).write_text(f"{'0' * 32}\n")
        text = SCRIPT.replace("SOURCES", str(ROOT / "agent/src")).replace("EXECUTABLE", sys.executable)
        self.agent(text.replace("ROOT", str(place / "root")).replace("STATE", str(place / "state")))

    def agent(self, text: str) -> None:
        (self._place / "agent").write_text(text)
        (self._place / "agent").chmod(0o755)

    def ask(self, *options: str, **arguments: str) -> Dict[str, Any]:
        """What the module returned, failed or not."""
        play, found = self._place / "play.yml", self._place / "found.json"
        given = json.dumps({"agent": str(self._place / "agent"), **arguments})
        play.write_text(PLAY.replace("ARGUMENTS", given).replace("FOUND", str(found)))
        done = subprocess.run(
            [f"{sysconfig.get_path('scripts')}/ansible-playbook", "-i", "h,", "-e", PYTHON, *options, str(play)],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_LOCALHOST_WARNING": "false"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        answer: Dict[str, Any] = json.loads(found.read_text())
        return answer


@pytest.fixture(name="disk")
def _disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


def test_a_plan_is_looked_at_accepted_and_not_accepted_twice(disk: Disk) -> None:
    first = disk.ask()
    assert (first["changed"], first["outcome"], first["status"], first["sequence"]) == (False, "planned", "none", 0)
    assert first["changes"] > 3

    wanted = {"digest": first["plan"], "reason": "it's new; $(reboot)"}
    asked = disk.ask("--check", **wanted)
    assert (asked["changed"], disk.ask()["sequence"]) == (True, 0), "check mode accepts nothing"
    accepted = disk.ask(**wanted)
    assert (accepted["changed"], accepted["outcome"], accepted["sequence"]) == (True, "accepted", 1)
    assert not disk.ask(**wanted)["changed"]
    after = disk.ask()
    assert (after["changes"], after["status"], after["digest"]) == (0, "accepted", accepted["digest"])


def test_what_moved_since_it_was_looked_at_is_refused_by_name(disk: Disk) -> None:
    plan = disk.ask()["plan"]
    (disk.etc / "motd").write_text("other\n")
    found = disk.ask(digest=plan, reason="seen")

    assert found["failed"]
    assert "h: refused: " in found["msg"]
    assert "/etc/motd" in found["msg"]
    assert disk.ask()["sequence"] == 0


def test_critical_items_are_named(disk: Disk) -> None:
    disk.ask(digest=disk.ask()["plan"], reason="new")
    (disk.etc / "ld.so.preload").write_text("/tmp/x.so\n")

    assert any("/etc/ld.so.preload" in name for name in disk.ask()["critical"])


REFUSED = [
    pytest.param({"digest": "sha256:12", "reason": "x"}, "64 lower-case hex digits", id="no digest"),
    pytest.param({"digest": "sha256:" + "0" * 64}, "reason", id="nobody accepts without a reason"),
    pytest.param({"digest": "sha256:" + "0" * 64, "reason": "x"}, "plan", id="a plan that the host never made"),
]


@pytest.mark.parametrize(("arguments", "words"), REFUSED)
def test_what_cannot_be_accepted_is_refused(disk: Disk, arguments: Dict[str, str], words: str) -> None:
    found = disk.ask(**arguments)

    assert found["failed"]
    assert words in found["msg"]


LIARS = [
    pytest.param("echo 'no JSON \x1b[2J'", "no JSON of the agent", id="garbage"),
    pytest.param("echo '{}'", "its answer is no plan", id="another document"),
    pytest.param("echo 'vps-sentry: run as root' >&2; exit 2", "run as root", id="an agent that refuses"),
]


@pytest.mark.parametrize(("answer", "words"), LIARS)
def test_a_strange_answer_is_told_with_its_host(disk: Disk, answer: str, words: str) -> None:
    disk.agent(f"#!/bin/sh\n{answer}\n")
    found = disk.ask()

    assert found["failed"]
    assert found["msg"].startswith("h: ")
    assert words in found["msg"]
    assert "\x1b" not in found["msg"]


GOOD = {
    "outcome": "proposed",
    "digest": "sha256:" + "a" * 64,
    "baseline": {"status": "none", "sequence": 0, "digest": None},
    "changes": [{"change": "added", "check": "files", "key": "/etc/\x1b[2J" + "x" * 9999, "severity": "critical"}],
    "refusals": [],
}
STRANGE = [
    pytest.param({**GOOD, "outcome": "done"}, id="an outcome nobody knows"),
    pytest.param({**GOOD, "digest": "sha256:" + "A" * 64}, id="a digest that is none"),
    pytest.param({**GOOD, "baseline": []}, id="no baseline"),
    pytest.param({**GOOD, "changes": [1]}, id="changes that are none"),
    pytest.param({**GOOD, "changes": 7}, id="a number of changes"),
    pytest.param([GOOD] * 2, id="a list"),
]


@pytest.mark.parametrize("document", STRANGE)
def test_answers_that_are_refused(document: Any) -> None:
    with pytest.raises(AcceptanceError):
        read_acceptance(json.dumps(document))


def test_names_are_cut_and_printable() -> None:
    (name,) = read_acceptance(json.dumps(GOOD)).critical

    assert name.isprintable()
    assert len(name) < 300


LOGS = [
    pytest.param([], "", id="nothing was ever accepted"),
    pytest.param([{"kind": "refused", "plan": "sha256:" + "b" * 64}], "", id="only tried"),
    pytest.param(
        [{"kind": "accepted", "plan": "sha256:" + "a" * 64}, {"kind": "refused", "plan": "x"}],
        "sha256:" + "a" * 64,
        id="accepted, then something else tried",
    ),
    pytest.param(
        [{"kind": "accepted", "plan": "sha256:" + "a" * 64}, {"kind": "rolled-back", "plan": "sha256:" + "c" * 64}],
        "sha256:" + "c" * 64,
        id="taken back: it can be accepted again",
    ),
]


@pytest.mark.parametrize(("log", "expected"), LOGS)
def test_which_plan_holds(log: Any, expected: str) -> None:
    assert expected == last_accepted(json.dumps(log))
