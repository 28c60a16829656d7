# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands and a server they talk to: prints the CPU seconds of everything that ran, orphans included.

Reads ``{"server": argv, "ready": port, "commands": [argv, ...], "environment": {...}}`` on standard input.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import List

_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2): whose parent dies becomes ours, so that its cost is counted too."""
_PATIENCE = 20.0


def main() -> None:
    """Run it all."""
    asked = json.load(sys.stdin)
    ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)
    environment = {**os.environ, **asked["environment"]}
    with open(os.devnull, "r+b") as nothing:
        subprocess.Popen(asked["server"], stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)
        wait_for(asked["ready"])
        codes = [
            subprocess.run(argv, env=environment, stdin=nothing, stdout=nothing, stderr=nothing, check=False).returncode
            for argv in asked["commands"]
        ]
    end_children()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    json.dump({"cpu": used.ru_utime + used.ru_stime, "codes": codes}, sys.stdout)


def wait_for(port: int) -> None:
    """Until somebody listens there."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def end_children() -> None:
    """The server, its sessions, and what ssh left in the background; nobody else's."""
    while True:
        for pid in children():
            os.kill(pid, signal.SIGTERM)
        try:
            os.wait()
        except ChildProcessError:
            return


def children() -> List[int]:
    """Our own children, adopted ones among them."""
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


if __name__ == "__main__":
    main()
