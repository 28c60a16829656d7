# SPDX-License-Identifier: GPL-3.0-or-later
"""What must not be forgotten: cases for every check and sink, tests for every room, links to one core."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import List, Set

import pytest
from support.tree import AGENT, FLEET, ROOT, imports, parse, python_files, relative

TESTS = ROOT / "tests"
CORE = AGENT / "core"
LINKS = FLEET / "plugins" / "plugin_utils" / "core"
MINIMUM_CASES = 3

ONE_FILE_EACH = [
    path for room in ("checks", "sinks") for path in python_files(AGENT / room) if not path.name.startswith("_")
]


def files_testing(path: Path) -> List[Path]:
    """Test files named after a module: ``test_ports.py`` and ``test_ports_hostile.py`` for ``ports.py``."""
    stem = f"test_{path.stem}"
    return [p for p in python_files(TESTS) if p.stem == stem or p.stem.startswith(f"{stem}_")]


def cases(tree: ast.Module) -> int:
    """Cases a test file states itself: entries of its tables and its tests without one."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    params = [node for node in calls if ast.unparse(node.func) == "pytest.param"]
    return len(params) + sum(isinstance(f, ast.FunctionDef) and f.name.startswith("test_") for f in tree.body)


@pytest.mark.parametrize("path", ONE_FILE_EACH, ids=relative)
def test_every_check_and_sink_has_cases(path: Path) -> None:
    found = files_testing(path)

    assert found, f"write tests/agent/{path.parent.name}/test_{path.stem}.py"
    assert sum(cases(parse(test)) for test in found) >= MINIMUM_CASES


@pytest.mark.parametrize("path", ONE_FILE_EACH, ids=relative)
def test_every_check_and_sink_is_discoverable(path: Path) -> None:
    name = path.parent.name[:-1].upper()
    assigned = [
        target.id
        for node in parse(path).body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    ]

    assert name in assigned, f"{relative(path)} defines no {name}"


ROOMS = sorted({path.relative_to(AGENT).parts[0].removesuffix(".py") for path in python_files(AGENT)})
WORDLESS = {"__init__", "__main__", "errors"}


@pytest.fixture(scope="module", name="imported")
def _imported() -> Set[str]:
    """Every module that a test imports."""
    return {entry.name for path in python_files(TESTS) for entry in imports(path, TESTS)}


@pytest.mark.parametrize("room", [room for room in ROOMS if room not in WORDLESS])
def test_every_room_is_entered_by_a_test(room: str, imported: Set[str]) -> None:
    name = f"{AGENT.name}.{room}"
    named = files_testing(AGENT / room)
    importing = [entry for entry in imported if entry == name or entry.startswith(f"{name}.")]

    assert named or importing, f"no test imports {name} or is named test_{room}.py"


@pytest.mark.parametrize("path", python_files(CORE), ids=relative)
def test_the_collection_carries_core_as_links_and_never_as_a_copy(path: Path) -> None:
    link = LINKS / path.relative_to(CORE)

    assert link.is_symlink(), f"ln -s to {relative(path)} is missing: {relative(link)}"
    assert not Path(link.readlink()).is_absolute()
    assert link.resolve() == path


def test_nothing_but_links_to_core_lies_beside_them() -> None:
    strangers = [relative(path) for path in LINKS.rglob("*.py") if path.resolve().parent != CORE]

    assert strangers == []


def test_core_imports_relatively_because_it_lives_under_two_names() -> None:
    absolute = [
        f"{relative(path)}:{node.lineno}"
        for path in python_files(CORE)
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ImportFrom) and not node.level and str(node.module).startswith(AGENT.name)
    ]

    assert absolute == []


def test_cases_are_counted() -> None:
    source = "T = [pytest.param(1), pytest.param(2)]\ndef test_a(): ...\ndef helper(): ...\n"

    assert cases(ast.parse(source)) == 3
