# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that answer with anything at all, over real ssh and both transports: one finding each, and nobody else hurt."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import past, roster, trust_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import open_store
from support.sshserver import SSHD, Server, server
from support.tree import ROOT

LIAR = ROOT / "tests" / "support" / "liar.py"
BIN = Path(sys.executable).parent

pytestmark = [
    pytest.mark.skipif(SSHD is None, reason="needs sshd (Debian: apt-get install openssh-server)"),
    pytest.mark.skipif(not (BIN / "ansible-playbook").exists(), reason="needs ansible-core"),
]


class Row(NamedTuple):
    """What a host does instead of answering, and what is recorded about it."""

    script: str
    code: str
    sentence: str


# In a script {kept} is a bundle the host made before, {liar} the program that answers wrongly.
ROWS: Dict[str, Row] = {
    "garbage": Row(
        "echo 'Last login: today'; head -c 5000 /dev/urandom", "refused", "something else on the host writes"
    ),
    "nothing": Row("true", "refused", "an empty answer"),
    "ten-gib": Row("printf '{{'; exec head -c 10737418240 /dev/zero", "refused", "larger than"),
    "endless": Row("{liar} endless {kept}", "refused", "larger than"),
    "bomb": Row("cat {bomb}", "refused", "inflates to more than"),
    "deep": Row("{liar} deep {kept}", "refused", "nested deeper than"),
    "nan": Row("{liar} not_a_number {kept}", "refused", "NaN is not an integer"),
    "twice": Row("{liar} twice {kept}", "refused", "stands twice"),
    "digests": Row("{liar} wrong_digests {kept}", "refused", "the digest is not that of its items"),
    "named": Row("{liar} named {kept}", "refused", "is not a host"),
    "replay": Row("cat {kept}", "replay", "an old or a foreign answer"),
    "dead": Row("echo 'cannot \033[2J read' >&2; exit 4", "stopped", r"cannot \x1b[2J read"),
    "slow": Row("exec sleep 600", "stopped", ""),
}
# Ansible's ssh keeps what it reads in memory, slower than it comes: the time limit may come before the memory limit.
CUT_OFF = ("ten-gib", "endless")
EVIL_NAME = "=cmd|'{{ 7*191 }}'$(touch pwned)`id`\x1b[2J\n<script>"


class Fleet:
    """The hosts, where their inventory is, and the store that both transports fill."""

    def __init__(self, folder: Path, sshd: Server) -> None:
        self.folder, self.sshd = folder, sshd
        self.url = f"sqlite:///{folder}/fleet.sqlite"
        self.hosts: Dict[str, Any] = {}
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "agent" / "src"),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_HOME": str(folder / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "cp"),
        }

    def agent(self, name: str) -> str:
        """The command of a real agent with a small disk of its own."""
        place = self.folder / "disks" / name
        (place / "root" / "etc").mkdir(parents=True)
        (place / "root" / "etc" / "machine-id").write_text(hashlib.md5(name.encode()).hexdigest() + "\n")
        (place / "root" / "etc" / "hostname").write_text(f"{name}\n")
        (place / "root" / "etc" / EVIL_NAME).write_text("{{ 7 * 191 }}\n")
        program = f"PYTHONPATH={ROOT}/agent/src {sys.executable} -m vps_sentry"
        for action in ("run", "--accept-baseline"):
            command = f"{program} {action} --root {place}/root --state-dir {place}/state"
            subprocess.run(["sh", "-c", command], check=False, capture_output=True, timeout=120)
        return f"{program} bundle --state-dir {place}/state"

    def add(self, name: str, script: str) -> None:
        """A host whose key runs ``script``."""
        path = self.folder / f"host-{name}"
        path.write_text(f"{script}\n")
        self.hosts[name] = self.sshd.admit(name, command=f"/bin/sh {path}")

    def inventory(self) -> Path:
        """Its file, written anew."""
        path = self.folder / "hosts.json"
        path.write_text(json.dumps({"all": {"children": {"web": {"hosts": self.hosts}}}}))
        return path

    def pull(self, *options: str) -> Tuple[int, str]:
        """Exit code and output of ``vps-sentry-fleet pull``."""
        program = str(BIN / "vps-sentry-fleet")
        return self._run([program, "pull", "-i", str(self.inventory()), "--store", self.url, *options])

    def play(self) -> Tuple[int, str]:
        """Exit code and output of ``playbooks/collect.yml``."""
        variables = json.dumps({"vps_sentry_store": self.url, "vps_sentry_timeout": 20})
        program = str(BIN / "ansible-playbook")
        book = str(ROOT / "playbooks" / "collect.yml")
        return self._run([program, "-f", "10", "-i", str(self.inventory()), book, "-e", variables])

    def _run(self, command: List[str]) -> Tuple[int, str]:
        done = subprocess.run(command, env=self.environment, cwd=ROOT, capture_output=True, timeout=500, check=False)
        return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")

    def rows(self) -> Dict[str, roster.HostRow]:
        """What the store knows of each host."""
        with open_store(self.url, environ={}) as store, store.read() as connection:
            return {row.name: row for row in roster.hosts(connection)}

    def doubts(self) -> Dict[str, List[Tuple[str, str]]]:
        """Host -> code and sentence of each finding about it."""
        found: Dict[str, List[Tuple[str, str]]] = {}
        with open_store(self.url, environ={}) as store, store.read() as connection:
            for one in trust_store.standing(connection):
                found.setdefault(one.host, []).append((one.code, one.detail))
        return found


@pytest.fixture(scope="module", name="fleet")
def _fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    with server(folder) as sshd:
        fleet = Fleet(folder, sshd)
        honest = fleet.agent("honest-1")
        fleet.add("honest-1", honest)
        fleet.add("honest-2", fleet.agent("honest-2"))
        kept = folder / "kept.json"
        kept.write_bytes(subprocess.run(["sh", "-c", honest], input=b"", check=True, capture_output=True).stdout)
        bomb = folder / "bomb.gz"
        bomb.write_bytes(gzip.compress(b"{" + bytes(200 * 1024 * 1024), 1))
        words = {"kept": kept, "bomb": bomb, "liar": f"{sys.executable} {LIAR}"}
        for name, row in ROWS.items():
            fleet.add(name, row.script.format(**words))
        fleet.add("talkative", f"{sys.executable} {LIAR} errors {folder}/talkative.json")
        talkative = fleet.agent("talkative")
        made = subprocess.run(["sh", "-c", talkative], input=b"", check=True, capture_output=True).stdout
        (folder / "talkative.json").write_bytes(made)
        yield fleet


def files(folder: Path) -> List[str]:
    """Everything there but what belongs to ssh, Ansible, the store, and to the hosts themselves."""
    own = ("ansible", "cp", "fleet.sqlite", "hosts.json", "disks")
    return sorted(str(path) for path in folder.rglob("*") if not path.relative_to(folder).parts[0].startswith(own))


TRANSPORTS: Dict[str, Callable[[Fleet], Tuple[int, str]]] = {
    "pull": lambda fleet: fleet.pull("--timeout", "20"),
    "playbook": lambda fleet: fleet.play(),
}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_each_has_one_finding_and_the_others_are_collected(fleet: Fleet, transport: str) -> None:
    for path in fleet.folder.glob("fleet.sqlite*"):
        path.unlink()
    before = files(fleet.folder)
    code, told = TRANSPORTS[transport](fleet)

    rows, doubts = fleet.rows(), fleet.doubts()
    assert {name for name, row in rows.items() if row.missed == 0} == {"honest-1", "honest-2", "talkative"}, told
    for name, row in ROWS.items():
        codes = [one[0] for one in doubts[name]]
        if transport == "playbook" and name in CUT_OFF:
            assert codes in (["stopped"], ["refused"]), (name, told)
            continue
        assert codes == [row.code], (name, doubts[name], told)
        assert row.sentence in doubts[name][0][1], (name, doubts[name])
    assert set(doubts) == set(ROWS), "who answers well is not doubted"
    assert f"collected 3 of {len(rows)}" in told
    assert code == (3 if transport == "pull" else 0), told

    # Nothing they said was run, rendered, shown raw or made a file.
    assert files(fleet.folder) == before
    assert [name for name in os.listdir(ROOT) if "pwned" in name] == []
    assert "1337" not in told
    assert not any(char in told for char in "\x1b\x07\u202e")


def test_what_they_say_about_themselves_is_shown_in_one_safe_line(fleet: Fleet) -> None:
    fleet.pull("--limit", "honest-1,honest-2,talkative")
    program = str(BIN / "vps-sentry-fleet")
    with open_store(fleet.url, environ={}) as store, store.read() as connection:
        number = str(past.snapshots(connection, "honest-1")[-1].id)
    commands = (["hosts"], ["compare"], ["history", "talkative"], ["history", "honest-1", "--show", number])
    for command in commands:
        done = subprocess.run([program, *command, "--store", fleet.url], capture_output=True, check=False)
        told = done.stdout.decode()
        assert done.returncode in (0, 2, 3, 4), done.stderr
        assert "1337" not in told
        assert not any(char in told for char in "\x1b\x07\u202e\r"), command


def test_anothers_identity_is_one_finding_about_the_one_who_shows_it(fleet: Fleet) -> None:
    fleet.pull("--limit", "honest-1,honest-2")
    shutil.copy(fleet.folder / "host-honest-2", fleet.folder / "host-kept")
    shutil.copy(fleet.folder / "host-honest-1", fleet.folder / "host-honest-2")
    fleet.pull("--limit", "honest-1,honest-2")
    shutil.copy(fleet.folder / "host-kept", fleet.folder / "host-honest-2")

    doubts = fleet.doubts()
    assert [code for code, _detail in doubts["honest-2"]] == ["identity_changed"]
    assert "honest-1" not in doubts
