# SPDX-License-Identifier: GPL-3.0-or-later
"""The look at a host before an installation, as the shell of that host gets it."""

from __future__ import annotations

import importlib
import subprocess
from typing import Any

preflight: Any = importlib.import_module("ansible_collections.vps_sentry.fleet.plugins.action.preflight")


def test_ansible_may_append_to_it() -> None:
    """On a local host without become it appends ``&& sleep 0``, and quickstart installs on just such a host."""
    command = preflight._command("", overwrite=False) + " && sleep 0"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr)
    assert any(line.startswith("obstacle=") for line in done.stdout.splitlines())
