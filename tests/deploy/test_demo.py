# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``scripts/demo`` refuses before it starts anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Dict, List

import pytest
from support.tree import ROOT

TOOLS = ("bash", "dirname", "env", "id", "mkdir", "sed", "sh", "sudo")


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> str:
    """A PATH with what every machine has, and no podman."""
    for tool in TOOLS:
        found = shutil.which(tool)
        if found:
            (tmp_path / tool).symlink_to(found)
    return str(tmp_path)


REFUSED = [
    pytest.param([], {}, 1, "apt-get install podman", id="no podman: the package is named"),
    pytest.param(["--stop"], {}, 1, "apt-get install podman", id="nothing to stop it with"),
    pytest.param([], {"VPS_SENTRY_DEMO": "../../etc"}, 1, "letters a to z", id="a name that leads elsewhere"),
    pytest.param(["--help"], {}, 2, "Usage: ./scripts/demo", id="what it can do"),
    pytest.param(["--stop", "now"], {}, 2, "Usage: ./scripts/demo", id="a word too many"),
]


@pytest.mark.parametrize(("words", "environment", "code", "said"), REFUSED)
def test_refused(words: List[str], environment: Dict[str, str], code: int, said: str, path: str) -> None:
    done = subprocess.run(
        [str(ROOT / "scripts" / "demo"), *words],
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (code, "") == (done.returncode, done.stdout)
    assert said in done.stderr
