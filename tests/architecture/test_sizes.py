# SPDX-License-Identifier: GPL-3.0-or-later
"""Small things: files, functions, signatures, playbooks; and one broad except on each side."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import List

import pytest
from support.tree import AGENT, FLEET, ROOT, Function, docstring_end, functions, parse, python_files, relative, scripts

FILE_LINES = 300
FUNCTION_LINES = 40
PARAMETERS = 5
POSITIONAL = 2
PLAYBOOK_LINES = 40
# Ansible hands these their arguments, positionally, by contracts of its own.
GIVEN_BY_ANSIBLE = {"run", "v2_playbook_on_stats", "v2_runner_on_ok", "parse", "verify_file"}

# The shapes every check has: its callables are fields of CHECK, which are called by position.
GIVEN_BY_CHECKS = {"stamps", "learn", "take"}

EXEMPT = GIVEN_BY_ANSIBLE | GIVEN_BY_CHECKS
PROGRAMS = [path for path in scripts("python3") if path.suffix != ".py"]
PRODUCT = [*python_files(AGENT), *python_files(ROOT / "deploy"), *python_files(FLEET / "plugins"), *PROGRAMS]
TESTS = python_files(ROOT / "tests")


def length(function: Function) -> int:
    """Lines of code from ``def`` to the end, the docstring left out."""
    last, end = function.end_lineno or function.lineno, docstring_end(function)
    text = 0 if end is None else end - function.body[0].lineno + 1
    return last - function.lineno + 1 - text


def parameters(function: Function) -> List[str]:
    """Defects of a signature, in words; ``self`` and ``cls`` do not count.

    A private function's calls stand in the file that defines it, so only its number of parameters counts.
    """
    spec = function.args
    positional = [arg.arg for arg in (*spec.posonlyargs, *spec.args) if arg.arg not in ("self", "cls")]
    count = len(positional) + len(spec.kwonlyargs)
    found = [f"{count} parameters"] if count > PARAMETERS else []
    if len(positional) > POSITIONAL and not function.name.startswith("_"):
        found.append(f"keyword-only from the third parameter on: {positional[POSITIONAL]}")
    return found


def broad(tree: ast.Module) -> List[int]:
    """Lines of the handlers that catch everything."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            names = {kind.id for kind in kinds if isinstance(kind, ast.Name)}
            if node.type is None or names & {"Exception", "BaseException"}:
                found.append(node.lineno)
    return found


@pytest.mark.parametrize("path", [*PRODUCT, *TESTS], ids=relative)
def test_a_file_fits_in_a_head(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= FILE_LINES


@pytest.mark.parametrize("path", [*PRODUCT, *TESTS], ids=relative)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    too_long = {f.name: length(f) for f in functions(parse(path)) if length(f) > FUNCTION_LINES}

    assert too_long == {}


@pytest.mark.parametrize("path", PRODUCT, ids=relative)
def test_a_call_reads_by_itself(path: Path) -> None:
    found = {f.name: parameters(f) for f in functions(parse(path)) if f.name not in EXEMPT and parameters(f)}

    assert found == {}


@pytest.mark.parametrize(("top", "room"), [(AGENT, "around each check"), (FLEET / "plugins", "around each host")])
def test_one_broad_except_on_each_side(top: Path, room: str) -> None:
    found = [f"{relative(path)}:{line}" for path in python_files(top) for line in broad(parse(path))]

    assert len(found) <= 1, f"only {room}: {found}"


PLAYBOOKS = [p for folder in (ROOT, FLEET) for p in sorted((folder / "playbooks").glob("*.yml"))]


@pytest.mark.parametrize("path", PLAYBOOKS, ids=relative)
def test_a_playbook_holds_no_logic(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= PLAYBOOK_LINES


def test_there_is_something_to_measure() -> None:
    assert all([PRODUCT, TESTS, PLAYBOOKS])


SIGNATURES = [
    pytest.param("def f(self, a, b): ...", [], id="a method with two"),
    pytest.param("def f(a, b, *, c, d, e): ...", [], id="five, the last three by name"),
    pytest.param("def f(a, b, c): ...", ["keyword-only from the third parameter on: c"], id="third by position"),
    pytest.param("def _f(a, b, c): ...", [], id="third by position, but private"),
    pytest.param("def _f(a, *, b, c, d, e, f): ...", ["6 parameters"], id="six"),
]


@pytest.mark.parametrize(("source", "expected"), SIGNATURES)
def test_signatures_are_measured(source: str, expected: List[str]) -> None:
    assert parameters(functions(ast.parse(source))[0]) == expected


def test_length_leaves_the_docstring_out() -> None:
    source = 'def f():\n    """One.\n\n    Two.\n    """\n    return 1\n'

    assert length(functions(ast.parse(source))[0]) == 2


BROAD = [
    pytest.param("except Exception as exc:", 1, id="named"),
    pytest.param("except (OSError, BaseException):", 1, id="hidden in a tuple"),
    pytest.param("except:", 1, id="bare"),
    pytest.param("except OSError:", 0, id="typed"),
]


@pytest.mark.parametrize(("handler", "count"), BROAD)
def test_broad_handlers_are_counted(handler: str, count: int) -> None:
    assert len(broad(ast.parse(f"try:\n    pass\n{handler}\n    pass\n"))) == count
