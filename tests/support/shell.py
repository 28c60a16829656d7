# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line as it is used: a real process, real exit codes, real text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.tree import ROOT


class Shell:
    """Runs vps-sentry on a mounted disk with its own state and configuration."""

    def __init__(self, path: Path) -> None:
        self.root = path / "disk"
        self.config = path / "vps-sentry.json"
        self.state = path / "state"
        self.given = ["--config", str(self.config), "--state-dir", str(self.state)]
        (self.root / "etc").mkdir(parents=True)
        self.config.write_text("{}")
        self.config.chmod(0o600)
        (self.root / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
        (self.root / "etc/hostname").write_text("disk-1\n")
        (self.root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")

    def run(self, *words: str, data: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "vps_sentry", *words, *self.given]
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "agent/src"), "USER": "tester", **environment}
        return subprocess.run(command, capture_output=True, text=True, input=data, env=env)

    def look(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("run", "--root", str(self.root), *words)

    def accept(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("--accept-baseline", "--root", str(self.root), *words)

    def configure(self, document: Any) -> None:
        """Replace the configuration."""
        self.config.write_text(json.dumps(document))
