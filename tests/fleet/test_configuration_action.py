# SPDX-License-Identifier: GPL-3.0-or-later
"""The action ``configuration`` by real Ansible: each host by the variables its own task sees, wherever they are set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Dict

import pytest
from support.tree import ROOT

PLAY = """
- hosts: all
  connection: local
  gather_facts: false
  vars: {own: "{{ inventory_hostname }}"}
  tasks:
    - vps_sentry.fleet.configuration:
      vars: VARS
      register: found
    - ansible.builtin.copy: {content: "{{ found | to_json }}", dest: "DIR/{{ inventory_hostname }}.json", mode: "0600"}
"""


def judged(tmp_path: Path, variables: Dict[str, Any]) -> Dict[str, Any]:
    """What the action returned for each of two hosts."""
    play = tmp_path / "play.yml"
    play.write_text(PLAY.replace("VARS", json.dumps(variables)).replace("DIR", str(tmp_path)))
    done = subprocess.run(
        [
            f"{sysconfig.get_path('scripts')}/ansible-playbook",
            "-i",
            "a,b,",
            "-e",
            f"ansible_python_interpreter={sys.executable}",
            str(play),
        ],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_LOCALHOST_WARNING": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: json.loads((tmp_path / f"{name}.json").read_text()) for name in ("a", "b")}


def test_variables_of_a_play_or_role_count_and_are_each_hosts_own(tmp_path: Path) -> None:
    """A role is mostly given its variables where it is named, not in the inventory."""
    found = judged(tmp_path, {"vps_sentry_config": {"notify": {"webhook": {"url": "https://{{ own }}.example/x"}}}})

    urls = [json.loads(found[name]["document"])["notify"]["webhook"]["url"] for name in ("a", "b")]
    assert ["https://a.example/x", "https://b.example/x"] == urls


REFUSED = [
    pytest.param({"vps_sentry_config": {"checks": {"filse": {}}}}, "checks.filse: unknown key", id="a wrong name"),
    pytest.param({"vps_sentry_config": {"remind_after": "{{ nowhere }}"}}, "is one undefined", id="undefined"),
    pytest.param({"vps_sentry_config": ["checks"]}, "vps_sentry_config", id="no object"),
]


@pytest.mark.parametrize(("variables", "reason"), REFUSED)
def test_what_cannot_be_used_is_refused_with_the_reason(variables: Dict[str, Any], reason: str, tmp_path: Path) -> None:
    found = judged(tmp_path, variables)["a"]

    assert reason in found["refused"]
    assert "" == found["document"]


def test_nothing_set_is_nothing_written(tmp_path: Path) -> None:
    assert ("", "") == tuple(judged(tmp_path, {})["a"][name] for name in ("document", "refused"))
