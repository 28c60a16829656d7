# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways into a machine by ssh, and the ways to be turned away: over the network, the host key pinned."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from typing import Any, Iterator

import paramiko

from .lab import wait_for
from .machine import SSH_SECONDS, Machine

_PENALTIES = "/etc/ssh/sshd_config.d/20-penalties.conf"


def network(machine: Machine) -> str:
    """Where the laboratory comes from, as the agent names it."""
    return machine.gateway.rpartition(".")[0] + ".0/24"


def endure(machine: Machine) -> None:
    """Have sshd take a whole attack from one address, and quickly, as it would take one from many addresses.

    No two seconds after each wrong password, no limit on how many knock at once, none of the penalties of OpenSSH 9.8.
    """
    machine.run(["sed", "-i", "/pam_unix.so/s/$/ nodelay/", "/etc/pam.d/common-auth"])
    machine.write("/etc/ssh/sshd_config.d/10-endure.conf", "MaxStartups 100\n")
    if machine.run(["/usr/sbin/sshd", "-T", "-o", "PerSourcePenalties=no"], check=False).returncode == 0:
        penalise(machine, False)
    restart(machine)


def penalise(machine: Machine, wanted: bool) -> None:
    """Turn the penalties of OpenSSH 9.8 and newer on or off, from the next restart on."""
    machine.write(_PENALTIES, f"PerSourcePenalties {'yes' if wanted else 'no'}\n")


def restart(machine: Machine) -> None:
    """Have sshd read its settings anew and forget whom it penalised."""
    machine.run(["systemctl", "restart", "ssh"])
    listens(machine)


def listens(machine: Machine, port: int = 22) -> None:
    """Wait for an sshd that has just been started: for a moment it is deaf."""

    def answers() -> bool:
        with socket.socket() as link:
            return link.connect_ex((machine.address, port)) == 0

    wait_for(answers, seconds=20, what=f"sshd of {machine.name} at port {port}; look at journalctl -u ssh there")


@contextlib.contextmanager
def logged_in(machine: Machine, user: str, *, port: int = 22, **offered: Any) -> Iterator[paramiko.SSHClient]:
    """A login over the network that stays."""
    with paramiko.SSHClient() as client:
        client.load_host_keys(str(machine.known_hosts))
        key = client.get_host_keys().lookup(machine.address)
        assert key is not None
        for kind, value in key.items():
            client.get_host_keys().add(f"[{machine.address}]:{port}", kind, value)
        listens(machine, port)
        client.connect(machine.address, port=port, username=user, allow_agent=False, look_for_keys=False, **offered)
        yield client


@contextlib.contextmanager
def connection(machine: Machine) -> Iterator[paramiko.Transport]:
    """A connection on which nobody has logged in. Raises paramiko.SSHException where sshd drops it."""
    with contextlib.closing(paramiko.Transport((machine.address, 22))) as transport:
        transport.start_client(timeout=SSH_SECONDS)
        key = transport.get_remote_server_key()
        known = paramiko.HostKeys(str(machine.known_hosts))
        assert known.check(machine.address, key), f"{machine.name} shows a host key that is not its own"
        yield transport


def by_password(machine: Machine, user: str, password: str) -> None:
    """Log in by ``password``, not by way of keyboard-interactive."""
    with connection(machine) as transport:
        transport.auth_password(user, password, fallback=False)
        _work(transport)


def by_keyboard(machine: Machine, user: str, password: str) -> None:
    """Log in by answering what PAM asks (RFC 4256)."""
    with connection(machine) as transport:
        transport.auth_interactive(user, lambda title, text, prompts: [password for _ in prompts])
        _work(transport)


def by_key(machine: Machine, user: str, key: Path) -> None:
    """Log in by a key; by a certificate where ``KEY-cert.pub`` lies beside it."""
    with connection(machine) as transport:
        transport.auth_publickey(user, _load(key))
        _work(transport)


def guess(machine: Machine, user: str, *, times: int) -> None:
    """One connection that tries wrong passwords until sshd has had enough."""
    with connection(machine) as transport:
        for attempt in range(times):
            try:
                transport.auth_password(user, f"wrong {attempt}", fallback=False)
            except paramiko.SSHException:
                if not transport.is_active():
                    return


def offer(machine: Machine, user: str, key: Path) -> None:
    """One connection with a key that opens nothing."""
    with connection(machine) as transport, contextlib.suppress(paramiko.SSHException):
        transport.auth_publickey(user, _load(key))


def turned_away(machine: Machine) -> bool:
    """Whether sshd drops a new connection unseen, as OpenSSH 9.8 and newer do with addresses that failed much."""
    try:
        with connection(machine):
            return False
    except (paramiko.SSHException, EOFError, ConnectionError):
        return True


def _load(key: Path) -> paramiko.PKey:
    loaded = paramiko.Ed25519Key.from_private_key_file(str(key))
    certificate = Path(f"{key}-cert.pub")
    if certificate.exists():
        loaded.load_certificate(str(certificate))
    return loaded


def _work(transport: paramiko.Transport) -> None:
    """Be somebody who does something, so that the session is a whole one."""
    with contextlib.closing(transport.open_session(timeout=SSH_SECONDS)) as channel:
        channel.exec_command("true")
        assert channel.recv_exit_status() == 0
