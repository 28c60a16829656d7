# SPDX-License-Identifier: GPL-3.0-or-later
"""The linters, each as one test: what they say is the failure's text."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path
from typing import List

import pytest
from support.tree import ROOT, relative, scripts

BIN = Path(sysconfig.get_path("scripts"))
# ansible-lint would fetch collections and write to the home directory; and it finds ansible on PATH.
ENVIRONMENT = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "NO_COLOR": "1", "ANSIBLE_CONFIG": "ansible.cfg"}

LINTERS = [
    pytest.param(["ruff", "check", "."], id="ruff check"),
    pytest.param(["ruff", "format", "--check", "."], id="ruff format"),
    pytest.param(["mypy"], id="mypy strict"),
    pytest.param(["yamllint", "--strict", "."], id="yamllint"),
    pytest.param(["ansible-lint", "--offline", "--nocolor", "-q"], id="ansible-lint profile production"),
]


def complaints(argv: List[str]) -> str:
    """What a tool says about the checkout, empty when it is content."""
    done = subprocess.run(argv, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"{done.stdout}{done.stderr}"


@pytest.mark.parametrize("argv", LINTERS)
def test_linter_is_content(argv: List[str]) -> None:
    program = BIN / argv[0]
    assert program.exists(), f"{program} is missing: pip install -e '.[dev]'"

    found = complaints([str(program), *argv[1:]])
    assert not found, found


def test_shellcheck_is_content() -> None:
    found = complaints(["shellcheck", *(relative(path) for path in scripts("sh", "bash"))])

    assert not found, found


def test_a_complaint_is_seen(tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_text("#!/bin/sh\nrm -rf $1\n")

    assert "SC2086" in complaints(["shellcheck", str(bad)])
