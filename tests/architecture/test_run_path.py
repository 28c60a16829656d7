# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent runs on a bare host: only the standard library, and nothing of it that Python 3.9 lacks."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import List

import pytest
from support.tree import AGENT, ROOT, imports, parse, python_files, relative

FLOOR = (3, 9)
# What a sink may import while it sends: requests and its need, unpacked beside the agent.
SENDING = {"requests", "urllib3"}
# In the standard library of newer Pythons only.
TOO_NEW = {"tomllib", "compression"}


def strangers(path: Path) -> List[str]:
    """What ``path`` imports from outside agent and standard library, in words."""
    found = []
    for entry in imports(path, AGENT):
        top = entry.name.partition(".")[0]
        if top == AGENT.name or (top in sys.stdlib_module_names and top not in TOO_NEW):
            continue
        if not (top in SENDING and entry.lazy and path.parent == AGENT / "sinks"):
            found.append(f"line {entry.line}: {entry.name}{'' if entry.lazy else ' at import time'}")
    return found


@pytest.mark.parametrize("path", python_files(AGENT), ids=relative)
def test_the_agent_imports_the_standard_library_alone(path: Path) -> None:
    assert strangers(path) == []


@pytest.mark.parametrize("path", python_files(AGENT), ids=relative)
def test_the_agent_is_readable_for_the_oldest_python(path: Path) -> None:
    ast.parse(path.read_text(), filename=str(path), feature_version=FLOOR)


CASES = [
    pytest.param("import requests", ["line 1: requests at import time"], id="requests at import time"),
    pytest.param("def send():\n    import requests", [], id="requests while sending"),
    pytest.param("def send():\n    import yaml", ["line 2: yaml"], id="anything else, even late"),
    pytest.param("import tomllib", ["line 1: tomllib at import time"], id="standard library of 3.11"),
    pytest.param("from ansible_collections.x import y", ["line 1: ansible_collections.x.y at import time"], id="fleet"),
    pytest.param("import os.path\nfrom ..errors import ShipError", [], id="standard library and the agent itself"),
]


@pytest.mark.parametrize(("source", "expected"), CASES)
def test_strangers_are_found(source: str, expected: List[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / AGENT.name
    (package / "sinks").mkdir(parents=True)
    path = package / "sinks" / "carrier.py"
    path.write_text(source)
    monkeypatch.setattr(f"{__name__}.AGENT", package)

    assert strangers(path) == expected


def test_no_syntax_newer_than_the_floor_slips_through() -> None:
    with pytest.raises(SyntaxError):
        ast.parse("match x:\n    case 1: pass\n", feature_version=FLOOR)


def test_the_controller_never_imports_the_agent_by_its_package_name() -> None:
    top = ROOT / "collections" / "ansible_collections"
    named = [
        f"{relative(path)}:{entry.line}"
        for path in python_files(top)
        for entry in imports(path, top)
        if entry.name.partition(".")[0] == AGENT.name
    ]

    assert named == []


def test_every_agent_module_says_in_one_sentence_what_it_is() -> None:
    silent = [relative(path) for path in python_files(AGENT) if not ast.get_docstring(parse(path))]

    assert silent == []
