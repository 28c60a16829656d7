# SPDX-License-Identifier: GPL-3.0-or-later
"""A busy host for measurements: ``crowd.py PROCESSES CONNECTIONS COMMAND...`` runs the command in it, then ends it.

Ten ports listen, each process holds nine more descriptors, connections are TCP over loopback, both ends open. Start it
where it bothers nobody: ``unshare --net --pid --fork --mount-proc python3 crowd.py 500 19600 ...``. Whatever happens to
it, all of it is gone after ``SECONDS``.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from typing import List

SECONDS = 600
PORTS = range(8000, 8010)
EACH = 400
"""Connections of one process, below the usual limit of open files."""


def main() -> int:
    """Exit code of the command."""
    processes, connections, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    signal.alarm(SECONDS)
    _allow_files()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    servers = [socket.create_server(("0.0.0.0", port), backlog=512) for port in PORTS]
    ready, door = os.pipe()
    children = [_start(door, max(0, min(EACH, connections - EACH * number))) for number in range(processes)]
    try:
        accepted = _accept(servers, ready, processes)
        if len(accepted) != connections:
            raise SystemExit(f"{len(accepted)} of {connections} connections; is the limit of open files too low?")
        return subprocess.run(command, check=False).returncode
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)


def _allow_files() -> None:
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _start(door: int, connections: int) -> int:
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        held = [os.open("/dev/null", os.O_RDONLY) for _ in range(9)]
        links = [socket.create_connection(("127.0.0.1", PORTS[number % len(PORTS)])) for number in range(connections)]
        os.write(door, b"x")
        time.sleep(SECONDS)
        os._exit(len(held) + len(links) > 0)
    return child


def _accept(servers: List[socket.socket], ready: int, processes: int) -> List[socket.socket]:
    accepted: List[socket.socket] = []
    waiting = processes
    while True:
        by_number = {server.fileno(): server for server in servers}
        seen, _, _ = select.select([*by_number, ready], [], [], 0 if not waiting else 5)
        if not seen and not waiting:
            return accepted
        for number in seen:
            if number == ready:
                waiting -= len(os.read(ready, 4096))
            else:
                accepted.append(by_number[number].accept()[0])


if __name__ == "__main__":
    sys.exit(main())
