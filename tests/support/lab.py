# SPDX-License-Identifier: GPL-3.0-or-later
"""The laboratory: machines with real systemd and real sshd, and an Ansible that knows them."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sysconfig
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, TypeVar

import yaml

from .engine import SUITE, Engine, LabError, build_image, image
from .machine import Machine
from .receiver import Receiver

ROOT = Path(__file__).resolve().parent.parent.parent
BOOT_SECONDS = 90
# A killed test run cannot clean up; its machines end by themselves.
MACHINE_SECONDS = 1800
PLAYBOOK_SECONDS = 600
PASSWORD = "correct horse 7"
RECEIVER = "receiver.test"

# Before systemd starts, as on any installed machine: host keys and the accounts are there at the first boot.
# A boot has an id of its own, which a container would share with the machine it runs on (systemd-nspawn does the same).
# Mounts spread as systemd leaves them on a real host; without it a unit's credentials never reach its mount namespace.
BOOT = """
mount --make-rshared /
cat /proc/sys/kernel/random/uuid >/run/boot_id
mount --bind /run/boot_id /proc/sys/kernel/random/boot_id
[ "$3" != lasting ] || umount /var/log/journal  # on the disk, as on a real host
[ ! -e /home/deploy ] || exec /lib/systemd/systemd
[ -s /etc/hosts ] || echo "127.0.0.1 localhost" >/etc/hosts
ssh-keygen -q -A
useradd --create-home --shell /bin/bash deploy
useradd --create-home --shell /bin/bash alice
echo "alice:$2" | chpasswd
echo 'deploy ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/deploy
chmod 0440 /etc/sudoers.d/deploy
install -d -m 0700 -o deploy -g deploy /home/deploy/.ssh
echo "$1" >/home/deploy/.ssh/authorized_keys
chown deploy: /home/deploy/.ssh/authorized_keys
chmod 0600 /home/deploy/.ssh/authorized_keys
exec /lib/systemd/systemd
"""

T = TypeVar("T")


def wait_for(probe: Callable[[], Optional[T]], *, seconds: float, what: str, every: float = 0.1) -> T:
    """What ``probe`` returns once it is true. Raises LabError naming ``what`` after ``seconds``."""
    end = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > end:
            raise LabError(f"waited {seconds:.0f} s for {what}")
        time.sleep(every)


def introduce(machine: Machine, receiver: Receiver, *, path: str = "/hook/s3cret-token") -> str:
    """Give a machine the receiver's name and its authority; the URL under which it can now send there."""
    machine.write("/etc/hosts", f"{machine.read('/etc/hosts')}{machine.gateway} {RECEIVER}\n")
    machine.write("/usr/local/share/ca-certificates/receiver.crt", receiver.certificate.ca.read_text())
    machine.run(["update-ca-certificates"])
    return f"https://{RECEIVER}:{receiver.server_address[1]}{path}"


class Lab:
    """All machines of one test session, their keys, and the files Ansible needs to reach them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        # Below /tmp because the sockets of ssh's masters lie in it and their paths are short by law.
        self.directory = Path(tempfile.mkdtemp(prefix="vps-sentry-lab-", dir="/tmp"))
        self.key = self.directory / "id_ed25519"
        self.known_hosts = self.directory / "known_hosts"
        self.known_hosts.touch()
        self._sockets = self.directory / "cp"
        self._sockets.mkdir(mode=0o700)
        self._session = secrets.token_hex(3)
        self._machines: List[Machine] = []
        self._started = 0
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(self.key)], check=True)

    def start(self, count: int = 1, *, suite: str = SUITE, lasting: bool = False) -> List[Machine]:
        """Boot ``count`` new machines of a Debian release side by side; systemd says ``running`` on each.

        ``lasting`` ones outlive their shutdown, for ``reboot``.
        """
        if suite != SUITE:
            build_image(suite, self.engine.environment)
        machines = [self._create(suite, lasting=lasting) for _ in range(count)]
        for machine in machines:
            self._admit(machine)
        return machines

    def reboot(self, machine: Machine) -> Machine:
        """Shut a lasting machine down as its own systemd does, then boot it; what comes up takes the old one's place.

        Its boot id is new and its clocks begin at nought, by a bind mount and a time namespace of its own. What else a
        container shares with the machine it runs on is said in tests/containers/test_releases.py.
        """
        machine.engine.run("stop", "--time", str(BOOT_SECONDS), machine.container)
        passed = int(time.clock_gettime(time.CLOCK_BOOTTIME))
        clocks = ("unshare", "--time", *(f"--{clock}=-{passed}" for clock in ("monotonic", "boottime")))
        replace(self.engine, within=clocks).run("start", machine.container)
        process = self.engine.run("inspect", "--format", "{{.State.Pid}}", machine.container).stdout.strip()
        # The runtime knows a container by the time its first process was started, so it must see the same clock.
        engine = replace(self.engine, within=("nsenter", f"--time=/proc/{process}/ns/time"))
        booted = Machine(engine, machine.container, machine.name, machine.key, machine.known_hosts)
        self._machines[self._machines.index(machine)] = booted
        self._admit(booted)
        return booted

    def _create(self, suite: str, *, lasting: bool) -> Machine:
        self._started += 1
        name = f"node-{self._started}"
        container = f"vps-sentry-test-{self._session}-{name}"
        public = self.key.with_suffix(".pub").read_text().strip()
        # Without SYS_ADMIN systemd skips the mount sandbox of units in silence, and every test of it would lie.
        # The next two are what root has on a real host and the agent's unit is left with; NET_ADMIN makes interfaces.
        capabilities = "--cap-add=SYS_ADMIN,SYS_PTRACE,DAC_READ_SEARCH,NET_ADMIN"
        options = ["--systemd=always", capabilities, "--security-opt=apparmor=unconfined"]
        options += ["--timeout", str(MACHINE_SECONDS), "--name", container, "--hostname", name]
        # The engine would write a lasting machine's /etc/hosts anew at each boot.
        options += ["--no-hosts"] if lasting else ["--rm"]
        first = ["sh", "-euc", BOOT, "boot", public, PASSWORD, "lasting" if lasting else "passing"]
        self.engine.run("run", "--detach", *options, image(suite), *first)
        machine = Machine(self.engine, container, name, self.key, self.known_hosts)
        self._machines.append(machine)
        return machine

    def _admit(self, machine: Machine) -> None:
        wait_for(lambda: _booted(machine), seconds=BOOT_SECONDS, what=f"{machine.name} to boot")
        with self.known_hosts.open("a") as handle:
            handle.write(f"{machine.address} {machine.host_key}\n")

    def remove(self, machines: Sequence[Machine]) -> None:
        """Take machines down at once, whatever state they are in."""
        for machine in machines:
            machine.engine.run("rm", "--force", "--volumes", "--time", "0", machine.container, check=False)
            self._machines.remove(machine)

    def close(self) -> None:
        """Remove every machine, end the ssh masters and delete the keys."""
        for socket in self._sockets.iterdir():
            subprocess.run(
                ["ssh", "-O", "exit", "-o", f"ControlPath={socket}", "lab"], check=False, capture_output=True
            )
        self.remove(list(self._machines))
        shutil.rmtree(self.directory)

    def inventory(self, machines: Sequence[Machine], *, group: str = "servers") -> Path:
        """Write an Ansible inventory with ``machines`` in ``group``: user deploy, become, pinned host keys."""
        options = f"-o UserKnownHostsFile={self.known_hosts} -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
        content = {
            group: {
                "hosts": {machine.name: {"ansible_host": machine.address} for machine in machines},
                "vars": {
                    "ansible_user": "deploy",
                    "ansible_become": True,
                    "ansible_python_interpreter": "/usr/bin/python3",
                    "ansible_ssh_private_key_file": str(self.key),
                    "ansible_ssh_common_args": options,
                },
            }
        }
        path = self.directory / f"inventory-{secrets.token_hex(3)}.yml"
        path.write_text(yaml.safe_dump(content))
        return path

    def environment(self) -> Dict[str, str]:
        """The environment for Ansible: this checkout's configuration, masters of ssh kept to this session."""
        return {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self._sockets),
            "ANSIBLE_SSH_RETRIES": "3",
            "ANSIBLE_NOCOLOR": "1",
        }

    def playbook(self, playbook: Path, inventory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``ansible-playbook`` from the top of the checkout; nothing is raised when it fails."""
        program = Path(sysconfig.get_path("scripts")) / "ansible-playbook"
        return subprocess.run(
            [str(program), "-i", str(inventory), *arguments, str(playbook)],
            check=False,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            timeout=PLAYBOOK_SECONDS,
        )


def _booted(machine: Machine) -> bool:
    state = machine.run(["systemctl", "is-system-running"], check=False)
    word = state.stdout.strip()
    if word == "running":
        return True
    if word in ("degraded", "maintenance"):
        failed = machine.run(["systemctl", "--failed", "--no-legend", "--plain"], check=False).stdout
        raise LabError(f"{machine.name} booted {word}: {failed.strip()}")
    if "no such container" in state.stderr or "is not running" in state.stderr:
        raise LabError(f"{machine.name} ended while booting: {state.stderr.strip()}")
    return False
