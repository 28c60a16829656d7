# SPDX-License-Identifier: GPL-3.0-or-later
"""A real play, real runs of the agent before and after, and a plan of exactly what the play changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import ingest, roster, schema, survey
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import planfile
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.desk import Desk
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.planfile import PlanFile
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.moment import now
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.verify import verify
from support.fleet import raw
from support.runs import World
from support.tree import ROOT
from vps_sentry import handout
from vps_sentry.checks import files
from vps_sentry.host import Host
from vps_sentry.setup import Setup
from vps_sentry.watch.entries import Watch

PLAYBOOK = shutil.which("ansible-playbook", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
SITE = """
- name: Deploy
  hosts: all
  gather_facts: false
  tasks:
    - name: Put the list
      ansible.builtin.copy: {src: list.txt, dest: "{{ place }}/list", mode: "0644"}
    - name: Render
      ansible.builtin.template: {src: app.conf.j2, dest: "{{ place }}/", mode: "0640"}
    - name: Put what is small
      ansible.builtin.copy: {content: "{{ item }}", dest: "{{ place }}/{{ item }}", mode: "0644"}
      loop: [one, two]
    - name: Put the key
      ansible.builtin.copy: {content: "key\\n", dest: "{{ place }}/.ssh/authorized_keys", mode: "0600"}
    - name: Put the secret
      ansible.builtin.copy: {content: secret, dest: "{{ place }}/secret", mode: "0600"}
      no_log: true
    - name: Edit
      ansible.builtin.lineinfile: {path: "{{ place }}/edited", line: more}
    - name: Make a folder
      ansible.builtin.file: {path: "{{ place }}/folder", state: directory, mode: "0750"}
    - name: Remove
      ansible.builtin.file: {path: "{{ place }}/old", state: absent}
"""

pytestmark = pytest.mark.skipif(PLAYBOOK is None, reason="needs ansible-core")


class Disk(World):
    """This very machine, of which one folder is watched."""

    @property
    def place(self) -> Path:
        return self.path / "watched"

    def setup(self) -> Setup:
        usual = super().setup()
        options = files.Options(defaults=False, watch=(Watch(str(self.place)),))
        return replace(
            usual,
            host=Host(),
            checks={"files": files.CHECK},
            config=replace(usual.config, checks={"files": options}),
        )


@pytest.fixture(name="disk")
def _disk(tmp_path: Path) -> Disk:
    disk = Disk(tmp_path / "web-1", now=int(time.time()) - 3600)
    (disk.place / ".ssh").mkdir(parents=True)
    for name in ("edited", "old", "list"):
        (disk.place / name).write_text("before\n")
    return disk


def collect(store: Store, disk: Disk) -> None:
    """One more run of the agent, and its bundle."""
    disk.run(after=60)
    source = handout.Source(disk.setup().host, ("files",), None)
    data = raw(handout.build(disk.store, source, request=None))
    with store.write() as connection:
        found = verify(data, nonce=None, held=roster.holdings(connection, "web-1"))
        ingest.ingest(connection, found, whose=ingest.Whose("web-1", "web"), at=now())


def play(disk: Disk, store: Store, *words: str) -> Tuple[int, str]:
    """The site's playbook as an operator runs it, over a local connection."""
    folder = disk.path / "site"
    (folder / "files").mkdir(parents=True, exist_ok=True)
    (folder / "templates").mkdir(exist_ok=True)
    (folder / "site.yml").write_text(SITE)
    (folder / "files" / "list.txt").write_text("after\n")
    (folder / "templates" / "app.conf.j2").write_text("place = {{ place }}\n")
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
        "ANSIBLE_CALLBACKS_ENABLED": "vps_sentry.fleet.change_record",
        "ANSIBLE_HOME": str(disk.path / "ansible"),
        "ANSIBLE_NOCOLOR": "1",
        "VPS_SENTRY_STORE": f"sqlite:///{store.place}",
    }
    given = ["-i", "web-1,", "-c", "local", "-e", f"place={disk.place}"]
    given += ["-e", f"ansible_python_interpreter={sys.executable}", *words]
    command = [str(PLAYBOOK), str(folder / "site.yml"), *given]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)
    return done.returncode, done.stdout + done.stderr


def planned(store: Store, folder: Path, *only: str) -> Tuple[PlanFile, str]:
    told = Desk(store, "anna").plan({"only": only}, folder=folder)
    assert told.plan is not None, told.text
    return planfile.read(Path(told.plan)), told.text


def keys(plan: PlanFile, disk: Disk) -> List[str]:
    return sorted(group.key.removeprefix(f"{disk.place}/") for group in plan.groups)


@pytest.fixture(name="deployed")
def _deployed(disk: Disk, store: Store) -> Disk:
    """A host on which a play changed things, and somebody else changed others."""
    disk.run()
    disk.accept()
    collect(store, disk)
    code, said = play(disk, store, "--diff")
    assert (0, False) == (code, "WARNING" in said), said
    (disk.place / "planted").write_text("not by us\n")
    (disk.place / "two").chmod(0o4755)
    collect(store, disk)
    return disk


def test_exactly_what_the_play_changed_is_planned_and_ranks_lower(deployed: Disk, store: Store, tmp_path: Path) -> None:
    plan, text = planned(store, tmp_path, "change-record")

    assert [".ssh/authorized_keys", "app.conf.j2", "folder", "list", "old", "one"] == keys(plan, deployed)
    assert {group.explanation.partition(",")[0] for group in plan.groups} == {"change-record: site.yml"}
    assert "(change-record: site.yml, task Put the list" in text
    assert "CRITICAL, 1 to be trusted:" in text
    assert text.index("authorized_keys") < text.index("/list on")

    with store.read() as connection:
        found = survey.survey(connection, at=now())
    told: Dict[str, Tuple[str, int]] = {
        one.key.removeprefix(f"{deployed.place}/"): (one.explanation, one.rank) for one in found.open
    }
    assert {"change-record"} == {told[name][0] for name in ("list", "one", "folder", ".ssh/authorized_keys")}
    assert {"none"} == {told[name][0] for name in ("planted", "two", "edited", "secret")}
    assert told["list"][1] < told["planted"][1] < told[".ssh/authorized_keys"][1]
    assert 3 == found.exit_code


def test_check_mode_leaves_no_record(disk: Disk, store: Store) -> None:
    disk.run()
    collect(store, disk)
    code, said = play(disk, store, "--check")

    assert (0, False) == (code, "WARNING" in said), said
    with store.read() as connection:
        assert [] == connection.execute(schema.change_record.select()).all()
