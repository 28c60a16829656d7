# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts on which an installation could not end well: the message names host, cause and remedy; nothing is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, List

import pytest
from support.lab import PASSWORD, ROOT, Lab
from support.machine import Machine
from support.play import Play, changed, listing
from support.release import build

pytestmark = pytest.mark.container
UNIT = "/etc/systemd/system/vps-sentry.service"
WRAPPER = "/usr/local/bin/vps-sentry"


@pytest.fixture(scope="module", name="host")
def _host(fleet: Callable[[int], List[Machine]]) -> Machine:
    return fleet(1)[0]


@pytest.fixture(name="play")
def _play(lab: Lab, host: Machine) -> Play:
    return Play(lab, {"web": [host]}, name="refusals")


def shell(machine: Machine, script: str) -> None:
    machine.run(["sh", "-euc", script])


NO_PYTHON = "mv /usr/bin/python3 /usr/bin/python3.away"
OLD_PYTHON = (
    f"{NO_PYTHON}; printf '#!/bin/sh\\necho Python 3.7.3\\nexit 1\\n' >/usr/bin/python3; chmod 755 /usr/bin/python3"
)
PYTHON_BACK = "mv /usr/bin/python3.away /usr/bin/python3"
FOREIGN = "printf '#!/bin/sh\\necho theirs\\n'"
FRESH = [
    pytest.param(NO_PYTHON, PYTHON_BACK, ["there is none; install"], id="no Python"),
    pytest.param(OLD_PYTHON, PYTHON_BACK, ["is Python 3.7.3; upgrade the distribution"], id="Python too old"),
    pytest.param(
        "mount -t tmpfs -o size=1m tmpfs /opt",
        "umount /opt",
        ["1024 KiB are free in /opt", "free some space"],
        id="disk full on /opt",
    ),
    pytest.param(
        f"{FOREIGN} >{WRAPPER}",
        f"rm {WRAPPER}",
        [WRAPPER, "not installed by vps-sentry", "move it away"],
        id="a command",
    ),
    pytest.param(
        f"ln -s /root/own {WRAPPER}",
        f"rm {WRAPPER}",
        [WRAPPER, "not installed by vps-sentry"],
        id="a link",
    ),
    pytest.param(
        f"mkdir {UNIT}", f"rmdir {UNIT}", [UNIT, "nothing that can be replaced", "move it away"], id="a directory"
    ),
    pytest.param(
        "mkdir -p /opt/vps-sentry/venv/bin",
        "rm -r /opt/vps-sentry",
        ["/opt/vps-sentry/venv", "nothing that can be replaced"],
        id="a virtual environment",
    ),
    pytest.param(
        "mkdir /var/lib/vps-sentry; echo 9 >/var/lib/vps-sentry/format",
        "rm -r /var/lib/vps-sentry",
        ["newer release (format '9'", "install that newer release again"],
        id="state of a newer version",
    ),
    pytest.param(
        "echo '{\"check\": {}}' >/etc/vps-sentry.json",
        "rm /etc/vps-sentry.json",
        ["cannot use the configuration", "check: unknown key", "correct it"],
        id="configuration of another version",
    ),
]


@pytest.mark.parametrize(("spoil", "mend", "words"), FRESH)
def test_a_fresh_host_is_left_as_it_was(host: Machine, play: Play, *, spoil: str, mend: str, words: List[str]) -> None:
    shell(host, spoil)
    before = listing(host)
    try:
        said = play.run("install", code=2)
        assert before == listing(host)
    finally:
        shell(host, mend)
    told = said.split("installed: 0 of 1 hosts")[1]
    assert [word for word in [host.name, *words, f"--limit {host.name}"] if word not in told] == [], told


def test_a_wrong_host_key(lab: Lab, host: Machine, play: Play) -> None:
    known = lab.known_hosts.read_text()
    key = "AAAAC3NzaC1lZDI1NTE5AAAAIHdyb25nd3Jvbmd3cm9uZ3dyb25nd3Jvbmd3cm9uZ3dyb25n"
    lab.known_hosts.write_text(f"{host.address} ssh-ed25519 {key}\n")
    play.variables["all"] = {"ansible_ssh_common_args": f"-o ControlPath=none {_options(lab)}"}
    try:
        said = play.run("install", code=2)
    finally:
        lab.known_hosts.write_text(known)
    told = said.split("installed: 0 of 1 hosts")[1]
    assert [word for word in (host.name, "not reached", "known_hosts", "ssh-keygen -R") if word not in told] == [], told


def _options(lab: Lab) -> str:
    return f"-o UserKnownHostsFile={lab.known_hosts} -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"


SUDO = [
    pytest.param({"ansible_become_password": "wrong"}, "--ask-become-pass", id="a wrong sudo password"),
    pytest.param({}, "--ask-become-pass", id="no sudo password where one is wanted"),
]


@pytest.mark.parametrize(("given", "remedy"), SUDO)
def test_sudo_that_lets_nobody_in(host: Machine, play: Play, *, given: dict[str, str], remedy: str) -> None:
    shell(host, f"echo 'deploy:{PASSWORD}' | chpasswd; echo 'deploy ALL=(ALL) ALL' >/etc/sudoers.d/deploy")
    play.variables["all"] = dict(given)
    try:
        said = play.run("install", code=2)
    finally:
        shell(host, "echo 'deploy ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/deploy")
    told = said.split("installed: 0 of 1 hosts")[1]
    assert (host.name in told, remedy in told, PASSWORD in said) == (True, True, False), told


def test_a_disk_that_fills_up_while_a_release_is_unpacked(host: Machine, tmp_path: Path) -> None:
    host.run(["mkdir", "-p", "/root/work"])
    host.copy_in(build(ROOT, tmp_path), "/root/work/release.tar.gz")
    for name in ("release.py", "release_files.py", "release_places.py"):
        host.copy_in(ROOT / "deploy" / name, f"/root/work/{name}")
    shell(host, "mkdir /root/small; mount -t tmpfs -o size=1m tmpfs /root/small")
    command = ["python3", "-IB", "/root/work/release.py", "install", "/root/work/release.tar.gz", "--prefix"]
    done = host.run([*command, "/root/small/p"], check=False)
    left = host.run(["find", "/root/small", "-mindepth", "1"]).stdout
    shell(host, "umount /root/small; rm -r /root/small /root/work")

    assert (1, "") == (done.returncode, left)
    assert "No space left on device" in done.stderr
    assert "free some space and run this again" in done.stderr


def test_with_the_right_password_it_installs(host: Machine, play: Play) -> None:
    shell(host, f"echo 'deploy:{PASSWORD}' | chpasswd; echo 'deploy ALL=(ALL) ALL' >/etc/sudoers.d/deploy")
    play.variables["all"] = {"ansible_become_password": PASSWORD}
    said = play.run("install")
    shell(host, "echo 'deploy ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/deploy")

    assert PASSWORD not in said
    host.run(["systemctl", "is-active", "vps-sentry.timer"])


def test_a_unit_changed_by_hand_is_named_and_kept(host: Machine, play: Play) -> None:
    shell(host, f"echo '# mine' >>{UNIT}")
    before = listing(host)
    said = play.run("install", code=2)
    assert before == listing(host)
    told = said.split("installed: 0 of 1 hosts")[1]
    words = [host.name, UNIT, "changed by hand", "systemctl edit", "vps_sentry_overwrite=true"]
    assert [word for word in words if word not in told] == [], told

    replaced = play.run("install", "-e", "vps_sentry_overwrite=true")
    assert changed(replaced)[host.name] > 0
    assert {host.name: 0} == changed(play.run("install"))


def test_a_half_finished_installation_is_finished(host: Machine, play: Play) -> None:
    shell(host, "rm /opt/vps-sentry/venv /opt/vps-sentry/installed /etc/systemd/system/vps-sentry.timer")
    shell(host, "cd /opt/vps-sentry/releases; for id in *; do rm -r $id/lib/vps_sentry/cli; mkdir $id.tmp; done")
    play.run("install")

    host.run([WRAPPER, "status"], check=False)
    assert "" == host.run(["sh", "-c", "ls -d /opt/vps-sentry/releases/*.tmp"], check=False).stdout
    assert {host.name: 0} == changed(play.run("install"))
