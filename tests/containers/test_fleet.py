# SPDX-License-Identifier: GPL-3.0-or-later
"""Three hosts over real ssh: installed with one playbook, collected into one store, the one that differs is named."""

from __future__ import annotations

import json
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from support.lab import Lab
from support.machine import Machine

pytestmark = pytest.mark.container
ROOT = Path(__file__).resolve().parent.parent.parent
AGENT = "/opt/vps-sentry/venv/bin/vps-sentry"
PLAYBOOKS = ROOT / "playbooks"


class Fleet:
    """The machines, their inventory and one store."""

    def __init__(self, lab: Lab, machines: List[Machine], directory: Path) -> None:
        self.machines = machines
        self._lab = lab
        self._result = directory / "result.json"
        self.store = f"sqlite:///{directory}/fleet.sqlite"
        self._inventory = lab.inventory(machines, group="web")

    def play(self, name: str, *arguments: str, code: int = 0) -> str:
        """Run one of the playbooks and return what it printed."""
        common = ["-e", f"vps_sentry_store={self.store}", *arguments]
        done = self._lab.playbook(PLAYBOOKS / f"{name}.yml", self._inventory, *common)
        assert code == done.returncode, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def compare(self) -> Dict[str, Any]:
        self.play("compare", "-e", f"result_file={self._result}")
        found: Dict[str, Any] = json.loads(self._result.read_text())
        return found

    def everywhere(self, *command: str) -> None:
        for machine in self.machines:
            machine.run(list(command))


@pytest.fixture(scope="module", name="web")
def _web(lab: Lab, fleet: Callable[[int], List[Machine]], tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    machines = fleet(3)
    for machine in machines:
        # As on a host of its own: the engine also wrote down what it calls the container.
        machine.write("/etc/hosts", f"127.0.0.1 localhost\n{machine.address} {machine.name}\n")
    return Fleet(lab, machines, tmp_path_factory.mktemp("fleet"))


def changed(output: str) -> Dict[str, int]:
    """Changed tasks by host, from the recap."""
    return {name: int(count) for name, count in re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", output, re.MULTILINE)}


def test_check_mode_announces_and_changes_nothing(web: Fleet) -> None:
    before = listing(web.machines[0])
    announced = changed(web.play("install", "--check", "--diff"))

    assert all(announced[machine.name] > 0 for machine in web.machines)
    assert before == listing(web.machines[0])


def listing(machine: Machine) -> str:
    places = "/etc /usr/local /opt /var/lib"
    script = f"find {places} -xdev -not -path '*/systemd/*' -printf '%p %m %u %g %s\\n' | sort"
    return machine.run(["sh", "-c", script]).stdout


def test_one_playbook_installs_three_hosts(web: Fleet) -> None:
    web.play("install")
    for machine in web.machines:
        machine.run(["systemctl", "is-active", "vps-sentry.timer"])
        assert machine.run(["vps-sentry", "status"], check=False).returncode == 3


def test_a_second_install_changes_nothing(web: Fleet) -> None:
    again = changed(web.play("install"))

    assert dict.fromkeys((machine.name for machine in web.machines), 0) == again


def test_equal_hosts_compare_clean(web: Fleet) -> None:
    web.everywhere("systemctl", "stop", "vps-sentry.timer")
    web.everywhere("vps-sentry", "--accept-baseline", "--reason", "fresh fleet")
    collected = web.play("collect")
    found = web.compare()

    assert "3 of 3" in collected
    assert [] == found["findings"], json.dumps(found["findings"], indent=1)


def test_the_host_that_differs_is_named(web: Fleet) -> None:
    odd = web.machines[1]
    odd.write("/etc/cron.d/persist", "* * * * * root /tmp/x\n")
    web.everywhere("vps-sentry", "--exit-zero")
    web.play("collect")
    found = web.compare()
    table = web.play("compare")

    # The file, and the line in it.
    assert {"/etc/cron.d/persist"} == {finding["key"].partition("#")[0] for finding in found["findings"]}
    assert odd.name in json.dumps(found["findings"])
    assert "/etc/cron.d/persist" in table
    assert odd.name in table
    web.play("compare", "-e", "fail_on=drift", code=2)


def test_a_host_that_is_not_reached_is_said(web: Fleet) -> None:
    silent = web.machines[2]
    # The masters of earlier plays would keep their connections.
    silent.run(["sh", "-c", "systemctl stop ssh; pkill sshd; true"])
    collected = web.play("collect")
    silent.run(["systemctl", "start", "ssh"])

    assert "2 of 3" in collected
    assert silent.name in collected


LIES = [
    pytest.param(f"{AGENT} bundle | sed 's/sha256:..../sha256:0000/g'", "digest", id="digests that fit nothing"),
    pytest.param("cat >/dev/null; cat /root/old-bundle", "nonce", id="an old answer once more"),
    pytest.param("cat >/dev/null; yes", "not", id="no end of lines"),
    pytest.param("exit 1", "bundle", id="an agent that fails"),
]


@pytest.mark.parametrize(("answer", "word"), LIES)
def test_a_lying_host_is_refused_and_stops_nobody(web: Fleet, answer: str, word: str) -> None:
    liar = web.machines[0]
    kept = liar.read("/usr/local/bin/vps-sentry")
    liar.run(["sh", "-c", "vps-sentry bundle </dev/null >/root/old-bundle"])
    liar.write("/usr/local/bin/vps-sentry", f"#!/bin/sh\n{answer}\n", mode=0o755)
    collected = web.play("collect", "-e", "fail_on=incomplete", code=2)
    liar.write("/usr/local/bin/vps-sentry", kept, mode=0o755)

    assert "2 of 3" in collected
    assert word in collected


def test_the_command_line_reads_the_same_store(web: Fleet) -> None:
    web.play("collect")
    program = Path(sysconfig.get_path("scripts")) / "vps-sentry-fleet"
    done = subprocess.run([str(program), "hosts", "--store", web.store], capture_output=True, text=True, check=False)

    assert {machine.name for machine in web.machines} <= set(done.stdout.split()), done.stderr


def test_uninstall_and_purge(web: Fleet) -> None:
    web.play("uninstall")
    for machine in web.machines:
        assert machine.run(["test", "-e", "/opt/vps-sentry"], check=False).returncode == 1
        machine.run(["test", "-d", "/var/lib/vps-sentry"])
    again = changed(web.play("uninstall"))
    assert dict.fromkeys((machine.name for machine in web.machines), 0) == again

    web.play("uninstall", "-e", "vps_sentry_purge=true")
    assert web.machines[0].run(["test", "-e", "/var/lib/vps-sentry"], check=False).returncode == 1
