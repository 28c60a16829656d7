# SPDX-License-Identifier: GPL-3.0-or-later
"""The laboratory is what the other tests take it for: real systemd, real sandboxes, real logins."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, List

import paramiko
import pytest
from support.engine import LabError, find_engine
from support.lab import PASSWORD, Lab, introduce, wait_for
from support.machine import Machine
from support.receiver import Receiver

pytestmark = pytest.mark.container


def sshd_records(machine: Machine, word: str) -> List[Dict[str, Any]]:
    """The journal's records of sshd whose message starts with ``word``."""
    output = machine.run(["journalctl", "--output=json", "--identifier=sshd"]).stdout
    records: List[Dict[str, Any]] = [json.loads(line) for line in output.splitlines()]
    return [record for record in records if record["MESSAGE"].startswith(word)]


def test_systemd_runs_as_the_first_process(machine: Machine) -> None:
    assert machine.read("/proc/1/comm") == "systemd\n"
    assert machine.run(["systemctl", "is-active", "ssh.service", "dbus.service"]).stdout.split() == ["active", "active"]


SANDBOX = [
    pytest.param("ProtectSystem=strict", "touch /usr/seen", 1, id="strict keeps /usr read-only"),
    pytest.param("ProtectSystem=no", "touch /usr/seen", 0, id="without it /usr is writable: the case above can fail"),
    pytest.param("PrivateNetwork=yes", "grep -q eth0 /proc/net/dev", 1, id="own network namespace"),
    pytest.param("PrivateNetwork=no", "grep -q eth0 /proc/net/dev", 0, id="shared network namespace"),
    pytest.param("ProtectHome=yes", "test -e /home/deploy", 1, id="homes hidden"),
]


@pytest.mark.parametrize(("directive", "script", "status"), SANDBOX)
def test_a_sandboxed_unit_is_really_sandboxed(machine: Machine, directive: str, script: str, status: int) -> None:
    unit = ["systemd-run", "--quiet", "--wait", "--pipe", "--collect", "-p", directive]

    done = machine.run([*unit, "sh", "-c", script], check=False)

    assert done.returncode == status, done.stderr


def test_a_key_login_is_real_and_its_record_proves_root_wrote_it(machine: Machine) -> None:
    login = machine.ssh("deploy", "sudo id -u; hostname; echo aside >&2; exit 7")

    assert (login.returncode, login.stdout, login.stderr) == (7, f"0\n{machine.name}\n", "aside\n")
    record = wait_for(
        lambda: sshd_records(machine, "Accepted publickey for deploy"), seconds=5, what="the login's record"
    )[0]
    assert (record["_UID"], record["_TRANSPORT"]) == ("0", "syslog")
    assert record["_MACHINE_ID"] == machine.read("/etc/machine-id").strip()


def test_password_logins_succeed_and_fail_for_real(machine: Machine) -> None:
    with pytest.raises(paramiko.AuthenticationException):
        machine.ssh("alice", "true", password="wrong")
    assert machine.ssh("alice", "id -un", password=PASSWORD).stdout == "alice\n"

    accepted = wait_for(
        lambda: sshd_records(machine, "Accepted password for alice"), seconds=5, what="the login's record"
    )
    failed = sshd_records(machine, "Failed password for alice")
    assert [record["_UID"] for record in failed + accepted] == ["0", "0"]


def test_a_stranger_host_key_is_refused(machine: Machine, tmp_path: Path) -> None:
    stranger = Machine(machine.engine, machine.container, machine.name, machine.key, tmp_path / "known_hosts")
    stranger.known_hosts.write_text("")

    with pytest.raises(paramiko.SSHException, match="not found in known_hosts"):
        stranger.ssh("deploy", "true")


HOSTILE = [
    pytest.param("plain\n", id="text"),
    pytest.param("", id="empty"),
    pytest.param("a\x00b\r\n\x1b[31m\udcff\udcfe", id="NUL, CR, escapes and bytes that are no UTF-8"),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_written_is_read_back(machine: Machine, text: str) -> None:
    machine.write("/srv/lab/a file", text, mode=0o640)

    assert machine.read("/srv/lab/a file") == text
    assert machine.run(["stat", "-c", "%a %U", "/srv/lab/a file"]).stdout == "640 root\n"


def test_a_folder_is_copied_without_caches_and_as_root(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "run").write_bytes(b"\xff\x00binary")
    (tmp_path / "deep" / "run").chmod(0o755)
    for left in (".git", ".venv", "__pycache__"):
        (tmp_path / left).mkdir()

    machine.copy_in(tmp_path, "/srv/copy")
    machine.copy_in(tmp_path / "deep" / "run", "/srv/one")

    listed = machine.run(["find", "/srv/copy", "-mindepth", "1", "-printf", "%P %m %U\n"]).stdout
    assert sorted(listed.splitlines()) == ["deep 755 0", "deep/run 755 0"]
    assert machine.read("/srv/one") == "\udcff\x00binary"


def test_machines_differ_where_real_hosts_differ(machine: Machine, lab: Lab) -> None:
    others = lab.start(2)

    identities = [(m.host_key, m.address, m.name, m.read("/etc/machine-id")) for m in (machine, *others)]
    assert [len(set(column)) for column in zip(*identities)] == [3, 3, 3, 3]
    lab.remove(others)
    assert "no such" in others[0].run(["true"], check=False).stderr.lower()


def test_ansible_reaches_every_machine_of_the_inventory_as_root(lab: Lab, machine: Machine, tmp_path: Path) -> None:
    playbook = tmp_path / "who.yml"
    command = {"name": "Who", "ansible.builtin.command": "id -un", "register": "who", "changed_when": False}
    verdict = {"name": "Root", "ansible.builtin.assert": {"that": "who.stdout == 'root'"}}
    playbook.write_text(
        json.dumps([{"name": "Who", "hosts": "servers", "gather_facts": False, "tasks": [command, verdict]}])
    )

    done = lab.playbook(playbook, lab.inventory([machine]))

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{machine.name} " in done.stdout


SEND = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], data=b'told', timeout=10).status)"


def test_the_receiver_is_reached_by_verified_tls_only(machine: Machine, receiver: Receiver) -> None:
    url = introduce(machine, receiver, path="/hook")

    assert machine.run(["python3", "-c", SEND, url]).stdout == "200\n"
    assert [(request.path, request.body) for request in receiver.requests] == [("/hook", b"told")]
    trust_nobody = ["env", "SSL_CERT_FILE=/dev/null", "SSL_CERT_DIR=/dev/null"]
    distrusting = machine.run([*trust_nobody, "python3", "-c", SEND, url], check=False)
    assert "CERTIFICATE_VERIFY_FAILED" in distrusting.stderr


NO_CONTAINERS = """#!/bin/sh
[ "$1" = image ] && exec /usr/bin/podman "$@"
echo "no containers on this machine" >&2
exit 125
"""


def test_where_containers_do_not_start_the_reason_is_told(tmp_path: Path) -> None:
    (tmp_path / "podman").write_text(NO_CONTAINERS)
    (tmp_path / "podman").chmod(0o755)

    with pytest.raises(
        LabError, match=r"do not start here: no containers on .*; with ci-containers\.conf: no containers"
    ):
        find_engine({"PATH": f"{tmp_path}:{os.environ['PATH']}"})
