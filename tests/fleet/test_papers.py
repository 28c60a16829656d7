# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's documentation and change log, as Ansible's own tools read them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import List, Tuple

import pytest
from support.sanity import build_collection
from support.tree import FLEET

BIN = Path(sysconfig.get_path("scripts"))
DOCUMENTATION = ["antsibull-docs", "lint-collection-docs", "--plugin-docs", "."]
CHANGES = ["antsibull-changelog", "lint"]


@pytest.fixture(name="copy")
def _copy(tmp_path: Path) -> Path:
    """The collection as it is handed on, with what a release is made from beside it."""
    copy = build_collection(tmp_path)
    shutil.copy(FLEET / "galaxy.yml", copy)
    return copy


def complaints(argv: List[str], collection: Path) -> str:
    """What a tool says about a collection, empty when it is content."""
    program = BIN / argv[0]
    assert program.exists(), f"{program} is missing: pip install -e '.[dev]'"
    top = collection.parent.parent.parent
    environment = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": str(top),
        "ANSIBLE_COLLECTIONS_PATH": str(top),
        "NO_COLOR": "1",
    }
    environment.pop("ANSIBLE_CONFIG", None)
    done = subprocess.run(
        [str(program), *argv[1:]], cwd=collection, env=environment, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else f"{done.stdout}{done.stderr}" or f"{argv[0]} ended {done.returncode}"


LINTERS = [
    pytest.param(DOCUMENTATION, id="documentation of modules, roles and the collection"),
    pytest.param(CHANGES, id="fragments of the change log"),
]


@pytest.mark.parametrize("argv", LINTERS)
def test_it_is_content(argv: List[str], copy: Path) -> None:
    found = complaints(argv, copy)
    assert not found, found


SPOILT = [
    pytest.param(
        DOCUMENTATION, "plugins/modules/collect.py", ("description:", "description: C(never closed"), id="markup"
    ),
    pytest.param(
        DOCUMENTATION, "roles/agent/meta/argument_specs.yml", ("type: bool", "type: boole"), id="a type that is none"
    ),
    pytest.param(CHANGES, "changelogs/fragments/0001-first.yml", ("major_changes", "large_changes"), id="a section"),
]


@pytest.mark.parametrize(("argv", "path", "swap"), SPOILT)
def test_a_complaint_is_seen(argv: List[str], path: str, swap: Tuple[str, str], copy: Path) -> None:
    spoilt = copy / path
    text = spoilt.read_text()
    assert swap[0] in text
    spoilt.write_text(text.replace(*swap, 1))

    assert complaints(argv, copy)
