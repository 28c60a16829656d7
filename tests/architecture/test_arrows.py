# SPDX-License-Identifier: GPL-3.0-or-later
"""The rooms of the agent and the arrows between them: what a room may import, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Dict, List, Set

import pytest
from support.tree import AGENT, imports, parse, python_files, relative

# One line per room. A room names only rooms above it, so there is no circle; a new room is a new line.
ARROWS: Dict[str, str] = {
    "tick": "",
    "parts": "",
    "core": "",
    "errors": "",
    "release": "tick",
    "reply": "tick",
    "trust": "errors",
    "host": "core errors",
    "proc": "core tick",
    "watch": "core errors host tick",
    "launch": "core errors host proc tick watch",
    "packages": "core errors host tick watch",
    "ground": "core errors host launch packages release tick watch",
    "sshlog": "core errors host tick",
    "sshd": "core errors host sshlog",
    "sessions": "core errors host sshlog tick",
    "access": "core errors host sessions sshd watch",
    "checks": "access core errors ground host launch packages parts proc release sessions sshd sshlog tick watch",
    "sinks": "core errors parts",
    "judge": "core",
    "explaining": "core judge",
    "lifecycle": "core judge",
    "webhook_fallback": "errors sinks",
    "config": "checks core errors sinks webhook_fallback",
    "credentials": "config trust",
    "store": "core errors tick",
    "baseline": "core errors store",
    "observations": "core errors store",
    "memory": "baseline core errors lifecycle store tick",
    "findings": "baseline core judge tick",
    "keeping": "errors store",
    "accept": "baseline core errors keeping store",
    "expiry": "accept baseline core",
    "history": "accept core errors lifecycle store",
    "profiles": "baseline core",
    "orders": "accept baseline core errors history profiles store",
    "signatures": "errors host",
    "report": "baseline core errors lifecycle store",
    "outbox": "core errors",
    "deliveries": "config core errors history outbox report store",
    "observe": "checks core errors",
    "setup": "checks config core host store",
    "acknowledge": "core deliveries errors history lifecycle memory report setup",
    "maintenance": "core deliveries errors history report setup store",
    "stamps": "checks core errors memory setup store tick",
    "handout": "baseline core errors host memory observations reply report store",
    "ship": "core errors outbox sinks store",
    "looking": "checks config core memory observations observe setup stamps",
    "verdict": "accept core deliveries explaining findings judge keeping lifecycle looking setup",
    "recording": "config core deliveries errors lifecycle looking maintenance memory observations report setup stamps "
    "store tick",
    "acceptance": "accept core deliveries expiry history looking memory orders setup",
    "pipeline": "*",
    "selftest": "*",
    "doctor": "*",
    "cli": "*",
    "__main__": "cli reply ship tick",
}
PACKAGE = AGENT.name
# What would give a pure room eyes or a clock.
IMPURE_MODULES = {
    "os",
    "io",
    "time",
    "socket",
    "subprocess",
    "pathlib",
    "shutil",
    "sys",
    "tempfile",
    "random",
    "secrets",
}
IMPURE_CALLS = {"open", "input", "print", "exec", "eval", "__import__"}
CLOCK_METHODS = {"now", "utcnow", "today"}
PURE = ("core", "judge", "explaining")


def room_of(path: Path) -> str:
    """The first folder or file below the package."""
    return path.relative_to(AGENT).parts[0].removesuffix(".py")


def allowed(room: str) -> Set[str]:
    """The rooms ``room`` may import, itself included; what the package says of itself belongs to nobody."""
    line = ARROWS[room]
    above = list(ARROWS)[: list(ARROWS).index(room)]
    return {room, "__version__", "__file__", *(above if line == "*" else line.split())}


def forbidden(path: Path) -> List[str]:
    """The imports of ``path`` that no arrow allows."""
    found = []
    for entry in imports(path, AGENT):
        package, _, rest = entry.name.partition(".")
        room = rest.partition(".")[0]
        if package == PACKAGE and room not in allowed(room_of(path)):
            found.append(f"{relative(path)}:{entry.line} imports {room or PACKAGE}")
    return found


ROOMS = sorted({room_of(path) for path in python_files(AGENT)} - {"__init__"})


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_its_arrow_allows(room: str) -> None:
    assert room in ARROWS, f"unknown room: add a line for {room!r} to ARROWS in {relative(Path(__file__))}"

    found = [line for path in python_files(AGENT) if room_of(path) == room for line in forbidden(path)]
    assert found == [], f"add the arrow to ARROWS only if docs/architecture.md's order allows it: {found}"


def test_no_line_outlives_its_room() -> None:
    assert sorted(set(ARROWS) - set(ROOMS)) == []


def test_arrows_point_one_way() -> None:
    seen: Set[str] = set()
    for room, line in ARROWS.items():
        assert line == "*" or set(line.split()) <= seen, f"{room} points at a room below it"
        seen.add(room)


def test_a_forbidden_import_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / PACKAGE
    (package / "core").mkdir(parents=True)
    bad = package / "core" / "bad.py"
    bad.write_text("def late():\n    from ..store import Store\n    from . import codec\n")
    monkeypatch.setattr(f"{__name__}.AGENT", package)
    monkeypatch.setattr(f"{__name__}.relative", str)

    assert forbidden(bad) == [f"{bad}:2 imports store"]


def impurities(tree: ast.Module) -> List[str]:
    """Names in a tree that touch the world: files, processes, the clock."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in IMPURE_MODULES]
        elif isinstance(node, ast.ImportFrom):
            found += [str(node.module)] if not node.level and str(node.module).split(".")[0] in IMPURE_MODULES else []
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
            found.append(node.func.id)
        elif isinstance(node, ast.Attribute) and node.attr in CLOCK_METHODS:
            found.append(node.attr)
    return found


@pytest.mark.parametrize("path", [p for p in python_files(AGENT) if room_of(p) in PURE], ids=relative)
def test_core_and_judge_touch_nothing_and_read_no_clock(path: Path) -> None:
    assert impurities(parse(path)) == []


IMPURE = [
    pytest.param("import os.path", ["os.path"], id="a submodule of os"),
    pytest.param("def f():\n    from subprocess import run", ["subprocess"], id="hidden in a function"),
    pytest.param("from datetime import datetime\ndatetime.now()", ["now"], id="the clock through datetime"),
    pytest.param("open('x')", ["open"], id="a file"),
    pytest.param(
        "from datetime import datetime\nfrom . import time_zone\nopener('x')", [], id="names that only look alike"
    ),
]


@pytest.mark.parametrize(("source", "expected"), IMPURE)
def test_impurities_are_found(source: str, expected: List[str]) -> None:
    assert impurities(ast.parse(source)) == expected
