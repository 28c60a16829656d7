# SPDX-License-Identifier: GPL-3.0-or-later
"""``vps-sentry-fleet pull`` hands over what waits, by the login that collects, where that login may."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import ledger
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.desk import Desk
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import open_store
from support.sshserver import SSHD, Server, server
from support.tree import ROOT

pytestmark = pytest.mark.skipif(SSHD is None, reason="needs sshd (Debian: apt-get install openssh-server)")
PULL = Path(sys.executable).parent / "vps-sentry-fleet"
AGENT = [sys.executable, "-m", "vps_sentry"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "agent/src")}


@pytest.fixture(name="sshd")
def _sshd(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "sshd").mkdir()
    with server(tmp_path / "sshd") as started:
        yield started


class Host:
    """A small disk with a real agent, accepted and then changed, which notes what it is asked."""

    def __init__(self, folder: Path, name: str, answer: str = "") -> None:
        self.root, self.state, self.calls = folder / "root", folder / "state", folder / "calls"
        self.agent = folder / "vps-sentry"
        (self.root / "etc").mkdir(parents=True)
        (self.root / "etc/machine-id").write_text(hashlib.md5(name.encode()).hexdigest() + "\n")
        (self.root / "etc/hostname").write_text(name + "\n")
        (self.root / "etc/motd").write_text("hello\n")
        self.run("run")
        self.run("--accept-baseline")
        (self.root / "etc/motd").write_text("changed\n")
        self.run("run")
        said = f"[ \"$1\" = apply-acceptance ] && exec echo '{answer}'" if answer else ""
        command = f'PYTHONPATH={ROOT}/agent/src exec {" ".join(AGENT)} "$@" --state-dir {self.state}'
        self.agent.write_text(f'#!/bin/sh\necho "$1" >>{self.calls}\n{said}\n{command}\n')
        self.agent.chmod(0o755)

    def run(self, action: str) -> None:
        given = ["--root", str(self.root), "--state-dir", str(self.state)]
        subprocess.run([*AGENT, action, *given], env=ENVIRONMENT, check=False, capture_output=True, timeout=60)

    def asked(self) -> Tuple[str, ...]:
        """The commands it was given since the last time."""
        found = tuple(self.calls.read_text().split())
        self.calls.unlink()
        return found


def pull(folder: Path, hosts: Dict[str, Any], *, text: bool = False) -> Tuple[int, str]:
    """Exit code and output."""
    (folder / "hosts.json").write_text(json.dumps({"all": {"children": {"web": {"hosts": hosts}}}}))
    options = ["-i", f"{folder}/hosts.json", "--no-fallback", "--store", f"sqlite:///{folder}/fleet.sqlite"]
    options += [] if text else ["--format", "json"]
    environment = {**os.environ, "ANSIBLE_HOME": str(folder / "ansible")}
    done = subprocess.run([PULL, "pull", *options], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3, 4), done.stderr
    return done.returncode, done.stdout


def accept(folder: Path) -> None:
    """Accept what changed on all hosts, and reach none of them."""
    with open_store(f"sqlite:///{folder}/fleet.sqlite", environ={}) as store:
        desk = Desk(store, by="anna")
        drafted = desk.plan({"reason": "the new motd"}, folder=folder)
        assert drafted.plan is not None, drafted
        desk.begin(Path(drafted.plan), {"max": "100%"})


def states(folder: Path) -> Dict[str, str]:
    with open_store(f"sqlite:///{folder}/fleet.sqlite", environ={}) as store, store.read() as connection:
        return {row.host: row.state for row in ledger.rows(connection)}


def test_each_host_is_handed_what_waits_for_it(sshd: Server, tmp_path: Path) -> None:
    made = {
        "took-it": Host(tmp_path / "took-it", "took-it", '{"outcome": "accepted"}'),
        "refused": Host(tmp_path / "refused", "refused"),
        "key": Host(tmp_path / "key", "key"),
    }
    only = {"key": f"{made['key'].agent} bundle"}
    hosts = {name: {**sshd.admit(name, command=only.get(name)), "vps_sentry_agent": str(host.agent)}
             for name, host in made.items()}  # fmt: skip
    pull(tmp_path, hosts)
    assert {name: host.asked() for name, host in made.items()} == dict.fromkeys(made, ("bundle",))
    accept(tmp_path)

    _code, said = pull(tmp_path, hosts)

    found = json.loads(said)
    assert {name: told["state"] for name, told in found["handed_over"].items()} == {
        "took-it": "accepted",
        # The machine is not the disk's, and its agent says so.
        "refused": "refused",
    }
    assert found["not_handed_over"] == ["key"]
    assert {name: host.asked() for name, host in made.items()} == {
        "took-it": ("bundle", "apply-acceptance", "bundle"),
        "refused": ("bundle", "apply-acceptance"),
        "key": ("bundle",),
    }
    assert states(tmp_path) == {"took-it": "accepted", "refused": "refused", "key": "pending"}

    code, said = pull(tmp_path, {"key": hosts["key"]}, text=True)
    assert code != 0
    assert "not handed over, their login may only collect: key\n" in said
    assert "ansible-playbook playbooks/collect.yml --limit key\n" in said
