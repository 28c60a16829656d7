# SPDX-License-Identifier: GPL-3.0-or-later
"""The system calls a program on a machine makes, seen from outside by strace(1)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import List, NamedTuple, Sequence

from .engine import LabError, run_as_root
from .machine import Machine

_CALL = re.compile(r"(\d+)\s+(\w+)\((.*)")


class Call(NamedTuple):
    """One system call: who, what, and everything strace says of its arguments and result."""

    pid: str
    name: str
    rest: str


def traced(machine: Machine, argv: Sequence[str], *, record: Path) -> List[Call]:
    """Run ``argv`` (an absolute path first) among the machine's processes as systemd would; its calls, oldest first.

    Raises LabError when it cannot be traced.
    """
    pid = machine.engine.run("inspect", "--format", "{{.State.Pid}}", machine.container).stdout.strip()
    entered = ["nsenter", "--target", pid, "--all", "/usr/bin/env", "-i", "INVOCATION_ID=0", "LC_ALL=C.UTF-8", *argv]
    done = run_as_root(["strace", "-f", "-o", str(record), *entered])
    calls = [Call(*match.groups()) for match in map(_CALL.match, record.read_text().splitlines()) if match]
    starts = [at for at, call in enumerate(calls) if call.name == "execve" and call.rest.startswith(f'"{argv[0]}"')]
    if not starts:
        raise LabError(f"strace saw no start of {argv[0]}: {done.stderr.strip()}")
    # The first one is nsenter itself, which waits outside.
    return [call for call in calls[starts[0] :] if call.pid != calls[0].pid]
