# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls a checkout's own ``deploy/release.py``, under the Python whose bytecode a host needs."""

from __future__ import annotations

import subprocess
from pathlib import Path

PYTHON = "/usr/bin/python3"


def release(checkout: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """One call, whatever it answers."""
    command = [PYTHON, "-I", "-B", str(checkout / "deploy/release.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def build(checkout: Path, output: Path) -> Path:
    """The archive of a fresh build."""
    done = release(checkout, "build", "--output", output)
    assert (done.returncode, done.stderr) == (0, "")
    return Path(done.stdout.split()[1])
