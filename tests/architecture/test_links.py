# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection holds a link to every file it needs from the checkout, so that a built one installs the agent."""

from __future__ import annotations

import subprocess
import sys

from support.tree import ROOT


def test_the_links_are_complete() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "scripts/links"), "--check"], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
