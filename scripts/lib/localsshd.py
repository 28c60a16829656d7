# SPDX-License-Identifier: GPL-3.0-or-later
"""A real sshd on this machine that anybody may run, where each key may have one command: many hosts in one place."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile {folder}/pid
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 200:30:400
MaxSessions 100
LogLevel ERROR
Subsystem sftp internal-sftp
SetEnv HOME={folder}/home
"""


def program() -> Optional[str]:
    """Where sshd lies; None where it is not installed (Debian: openssh-server)."""
    return shutil.which("sshd", path=f"/usr/sbin:/usr/local/sbin:{os.environ.get('PATH', '')}")


@dataclass(frozen=True)
class Server:
    """A server that ``command`` starts in the foreground, and who may log in to it."""

    folder: Path
    port: int
    command: List[str]

    @property
    def known_hosts(self) -> Path:
        """What ssh has to know of it."""
        return self.folder / "known_hosts"

    def know(self, *, hashed: bool = False) -> None:
        """Write known_hosts with the server's own key."""
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {(self.folder / 'host_key.pub').read_text()}")
        if hashed:
            subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(self.known_hosts)], check=True, capture_output=True)

    def admit(self, name: str, *, command: Optional[str] = None) -> Dict[str, Any]:
        """A key for ``name`` that may run ``command`` only (None: anything); the host's variables for Ansible."""
        key = self.folder / f"key-{name}"
        make_key(key)
        limits = f'restrict,command="{command}" ' if command else ""
        with (self.folder / "authorized_keys").open("a") as handle:
            handle.write(limits + key.with_suffix(".pub").read_text())
        return {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_user": getpass.getuser(),
            "ansible_ssh_private_key_file": str(key),
            "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={self.known_hosts} -o IdentitiesOnly=yes",
            # One place, many hosts: ssh would take them for one and send all through the first one's connection.
            "ansible_control_path": str(self.folder / f"cp-{name}"),
            "ansible_become": False,
        }


def make_key(path: Path) -> None:
    """A new key without a passphrase."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)], check=True)


def prepare(folder: Path) -> Server:
    """Everything a server needs, in ``folder``. Raises FileNotFoundError without sshd."""
    found = program()
    if found is None:
        raise FileNotFoundError("sshd")
    make_key(folder / "host_key")
    (folder / "authorized_keys").touch()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (folder / "sshd_config").write_text(_CONFIG.format(port=port, folder=folder))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    # Not the user's own: what a shell reads there at each command is nothing to the tests, and costs.
    (folder / "home").mkdir(mode=0o700)
    made = Server(folder, port, [found, "-D", "-e", "-f", str(folder / "sshd_config")])
    made.know()
    return made
