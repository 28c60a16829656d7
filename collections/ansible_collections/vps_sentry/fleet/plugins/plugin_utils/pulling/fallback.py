# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook transport for the hosts that this one cannot serve."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, Optional, Sequence

COLLECTIONS = Path(__file__).resolve().parents[6]
"""The directory that holds ``ansible_collections``, so that the playbook is the one of this very collection."""


def playbook(names: Sequence[str], *, store: Optional[str], arguments: Sequence[str]) -> int:
    """Collect those hosts with ``vps_sentry.fleet.collect``, its output on standard error; its exit code."""
    program = shutil.which("ansible-playbook", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if program is None:
        print("vps-sentry-fleet: ansible-playbook is not installed here", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="vps-sentry-") as folder:
        limit, variables = Path(folder, "limit"), Path(folder, "variables.json")
        limit.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
        variables.write_text(json.dumps({"vps_sentry_store": store} if store else {}), encoding="utf-8")
        given = ["--limit", f"@{limit}", "-e", f"@{variables}", *arguments]
        command = [program, "vps_sentry.fleet.collect", *given]
        return subprocess.run(command, env=_environment(), stdout=sys.stderr, check=False).returncode


def _environment() -> Dict[str, str]:
    paths = [str(COLLECTIONS), os.environ.get("ANSIBLE_COLLECTIONS_PATH", "")]
    return {**os.environ, "ANSIBLE_COLLECTIONS_PATH": ":".join(filter(None, paths))}
