# SPDX-License-Identifier: GPL-3.0-or-later
"""``vps-sentry-fleet pull`` against real machines: sudo with and without a password, jump hosts, the collecting key."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest
import yaml
from support.lab import PASSWORD, ROOT, Lab
from support.machine import Machine

pytestmark = pytest.mark.container
BIN = Path(sysconfig.get_path("scripts"))
SUDOERS = "Defaults:alice timestamp_timeout=0\nalice ALL=(root) ALL\n"


class Controller:
    """Two machines with the agent, an inventory of the test's own making, one store."""

    def __init__(self, lab: Lab, machines: List[Machine], folder: Path) -> None:
        self.lab, self.machines, self.folder = lab, machines, folder
        self.store = f"sqlite:///{folder}/fleet.sqlite"
        base = yaml.safe_load(lab.inventory(machines).read_text())["servers"]
        self.common: Dict[str, Any] = base["vars"]
        self.hosts: Dict[str, Dict[str, Any]] = base["hosts"]

    def pull(self, hosts: Dict[str, Dict[str, Any]], *options: str) -> Tuple[int, Dict[str, Any], str]:
        """Exit code, JSON and standard error."""
        path = self.folder / "inventory.yml"
        path.write_text(yaml.safe_dump({"servers": {"hosts": hosts, "vars": self.common}}))
        command = [str(BIN / "vps-sentry-fleet"), "pull", "-i", str(path), "--store", self.store, "--format", "json"]
        done = subprocess.run(
            [*command, *options],
            capture_output=True,
            text=True,
            env=self.lab.environment(),
            cwd=ROOT,
            timeout=300,
            check=False,
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout), done.stderr

    def collected(self, hosts: Dict[str, Dict[str, Any]], *options: str) -> None:
        """All of them have to be, by this transport and without a doubt."""
        code, found, told = self.pull(hosts, *options)
        assert (code, found["collected"], found["over_playbook"]) == (0, len(hosts), []), told


@pytest.fixture(scope="module", name="controller")
def _controller(
    lab: Lab, fleet: Callable[[int], List[Machine]], tmp_path_factory: pytest.TempPathFactory
) -> Controller:
    machines = fleet(2)
    done = lab.playbook(ROOT / "playbooks" / "install.yml", lab.inventory(machines))
    assert done.returncode == 0, done.stdout
    for machine in machines:
        machine.run(["vps-sentry", "--accept-baseline", "--reason", "fresh"])
        machine.write("/etc/sudoers.d/alice", SUDOERS, mode=0o440)
        public = lab.key.with_suffix(".pub").read_text()
        machine.run(["install", "-d", "-o", "alice", "-g", "alice", "-m", "700", "/home/alice/.ssh"])
        machine.write("/home/alice/.ssh/authorized_keys", public)
    return Controller(lab, machines, tmp_path_factory.mktemp("pull"))


def test_sudo_without_a_password_and_hashed_known_hosts(controller: Controller) -> None:
    hashed = controller.folder / "known_hosts"
    hashed.write_text(controller.lab.known_hosts.read_text())
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(hashed)], check=True, capture_output=True)
    args = f"-o UserKnownHostsFile={hashed} -o IdentitiesOnly=yes"
    controller.collected({name: {**host, "ansible_ssh_common_args": args} for name, host in controller.hosts.items()})


def vaulted(controller: Controller, text: str) -> Any:
    """``text`` as Ansible's vault keeps it, and the file with its password beside it."""
    (controller.folder / "vault").write_text("horse\n")
    command = [str(BIN / "ansible-vault"), "encrypt_string", "--vault-password-file", str(controller.folder / "vault")]
    done = subprocess.run(
        [*command, text], capture_output=True, text=True, check=True, env=controller.lab.environment()
    )
    return "\n".join(line.strip() for line in done.stdout.splitlines()[1:]) + "\n"


class Vault(str):
    """A text that YAML tags as Ansible's vault."""


yaml.SafeDumper.add_representer(Vault, lambda dumper, data: dumper.represent_scalar("!vault", str(data), style="|"))


def test_passwords_of_each_host_also_from_the_vault(controller: Controller) -> None:
    plain, secret = PASSWORD, Vault(vaulted(controller, PASSWORD))
    passwords = dict(zip(controller.hosts, (plain, secret)))
    hosts = {
        name: {**host, "ansible_user": "alice", "ansible_become_password": passwords[name]}
        for name, host in controller.hosts.items()
    }
    controller.collected(hosts, "--vault-password-file", str(controller.folder / "vault"))

    without = {name: {**host, "ansible_user": "alice"} for name, host in controller.hosts.items()}
    password_file = controller.folder / "password"
    password_file.write_text(PASSWORD + "\n")
    controller.collected(without, "--become-password-file", str(password_file))


WRONG: Dict[str, Tuple[Dict[str, Any], str]] = {
    "a wrong password": ({"ansible_become_password": "wrong"}, "sudo did not let us in: Sorry, try again."),
    "none at all": ({}, "a password is required"),
}


@pytest.mark.parametrize(("variables", "sentence"), WRONG.values(), ids=WRONG)
def test_who_does_not_become_root_is_named(controller: Controller, variables: Dict[str, Any], sentence: str) -> None:
    name, host = next(iter(controller.hosts.items()))
    code, found, told = controller.pull({name: {**host, "ansible_user": "alice", **variables}})

    assert (code, found["missing"]) == (3, [name])
    assert sentence in told
    assert "wrong\n" not in told


def test_through_a_jump_host(controller: Controller) -> None:
    first, second = controller.hosts
    config = controller.folder / "ssh_config"
    config.write_text(
        f"Host bastion\n HostName {controller.hosts[first]['ansible_host']}\n User deploy\n"
        f"Host *\n IdentityFile {controller.lab.key}\n UserKnownHostsFile {controller.lab.known_hosts}\n"
        " IdentitiesOnly yes\n"
    )
    args = f"-F {config} -o ProxyJump=bastion"
    controller.collected({second: {**controller.hosts[second], "ansible_ssh_common_args": args}})


def test_the_key_that_may_only_collect(controller: Controller) -> None:
    lab = controller.lab
    key = controller.folder / "collect_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    variables = {
        "vps_sentry_collect_user": "collector",
        "vps_sentry_collect_keys": [key.with_suffix(".pub").read_text()],
    }
    install = lab.playbook(
        ROOT / "playbooks" / "install.yml", lab.inventory(controller.machines), "-e", json.dumps(variables)
    )
    assert install.returncode == 0, install.stdout
    own = {"ansible_user": "collector", "ansible_become": False, "ansible_ssh_private_key_file": str(key)}
    controller.collected({name: {**host, **own} for name, host in controller.hosts.items()})

    path = controller.folder / "inventory.yml"
    done = lab.playbook(ROOT / "playbooks" / "collect.yml", path, "-e", f"vps_sentry_store={controller.store}")
    assert "collected 2 of 2" in done.stdout, done.stdout


def test_an_unknown_host_key_is_never_learnt(controller: Controller) -> None:
    name, host = next(iter(controller.hosts.items()))
    unknown = controller.folder / "empty"
    unknown.write_text("")
    args = f"-o UserKnownHostsFile={unknown} -o StrictHostKeyChecking=accept-new"
    code, found, told = controller.pull({name: {**host, "ansible_ssh_common_args": args}})

    assert (code, found["missing"]) == (4, [name])
    assert "unknown SSH host key: prove it" in told
    assert unknown.read_text() == ""
