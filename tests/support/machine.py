# SPDX-License-Identifier: GPL-3.0-or-later
"""One machine of the laboratory: commands, files and real ssh logins."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Optional, Sequence

import paramiko

from .engine import Engine, LabError

SSH_SECONDS = 30
# What a checkout holds besides its content.
NOT_COPIED = ("--exclude-vcs", "--exclude-caches-all", "--exclude=.venv", "--exclude=__pycache__")


@dataclass(frozen=True)
class Login:
    """A completed ssh login and the command it ran."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Machine:
    """A booted Debian host. ``name`` is its host name and its name in inventories."""

    engine: Engine
    container: str
    name: str
    key: Path
    known_hosts: Path

    @cached_property
    def address(self) -> str:
        """The IPv4 address on this machine's bridge."""
        return self._inspect("{{.NetworkSettings.IPAddress}}")

    @cached_property
    def gateway(self) -> str:
        """The address under which the machine reaches the tests."""
        return self._inspect("{{.NetworkSettings.Gateway}}")

    @cached_property
    def host_key(self) -> str:
        """The Ed25519 host key as ``type base64``, read without the network."""
        return " ".join(self.read("/etc/ssh/ssh_host_ed25519_key.pub").split()[:2])

    def _inspect(self, template: str) -> str:
        return self.engine.run("inspect", "--format", template, self.container).stdout.strip()

    def run(
        self, argv: Sequence[str], *, check: bool = True, stdin: Optional[str] = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as root. Bytes outside UTF-8 are surrogates, both ways.

        With ``check`` a command that fails raises LabError with everything it said.
        """
        done = self.engine.run("exec", "--interactive", self.container, *argv, check=False, stdin=stdin)
        if check and done.returncode != 0:
            said = f"{done.stdout}{done.stderr}".strip()
            raise LabError(f"{self.name}: {shlex.join(argv)} ended {done.returncode}: {said}")
        return done

    def read(self, path: str) -> str:
        """Content of a file."""
        return self.run(["cat", "--", path]).stdout

    def write(self, path: str, text: str, *, mode: int = 0o644) -> None:
        """Replace the content of a file in place (same inode, if it exists) and set its mode."""
        script = 'umask 077; mkdir -p -- "$(dirname -- "$1")"; cat >"$1"; chmod -- "$2" "$1"'
        self.run(["sh", "-euc", script, "write", path, f"{mode:04o}"], stdin=text)

    def copy_in(self, source: Path, destination: str) -> None:
        """Copy a file, or what a folder holds, to ``destination``, owned by root.

        Version control, caches and virtual environments stay behind.
        """
        if source.is_dir():
            packed, unpack = ["-C", str(source), *NOT_COPIED, "-c", "."], f"mkdir -p {shlex.quote(destination)}; tar -x"
            unpack += f" --no-same-owner -C {shlex.quote(destination)}"
        else:
            packed, unpack = ["-C", str(source.parent), "-c", source.name], f"tar -xO >{shlex.quote(destination)}"
            unpack += f"; chmod {source.stat().st_mode & 0o777:o} {shlex.quote(destination)}"
        archive = subprocess.run(["tar", *packed], check=True, capture_output=True).stdout
        # The archive travels as text because commands are text here; surrogates keep every byte.
        self.run(["sh", "-euc", unpack], stdin=archive.decode("utf-8", "surrogateescape"))

    def ssh(self, user: str, command: str, *, password: Optional[str] = None, key: Optional[Path] = None) -> Login:
        """Log in over the network, the host key pinned, and run ``command``.

        With ``password`` only the password is offered, else ``key`` (default: the laboratory's, which ``deploy`` has).
        Raises paramiko.AuthenticationException when sshd says no.
        """
        offered = None if password is not None else str(key or self.key)
        with paramiko.SSHClient() as client:
            client.load_host_keys(str(self.known_hosts))
            client.connect(
                self.address,
                username=user,
                password=password,
                key_filename=offered,
                allow_agent=False,
                look_for_keys=False,
                timeout=SSH_SECONDS,
            )
            _, stdout, stderr = client.exec_command(command, timeout=SSH_SECONDS)
            output, errors = stdout.read().decode(), stderr.read().decode()
            return Login(stdout.channel.recv_exit_status(), output, errors)
