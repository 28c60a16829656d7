# SPDX-License-Identifier: GPL-3.0-or-later
"""The real sshd of the tests: started, and stopped with its sessions."""

from __future__ import annotations

import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from localsshd import Server, make_key, prepare, program

__all__ = ["SSHD", "Server", "make_key", "server"]
SSHD = program()


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """A server in ``folder`` that listens."""
    prepared = prepare(folder)
    process = subprocess.Popen(prepared.command, start_new_session=True)
    try:
        _wait_for(prepared.port)
        yield prepared
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
