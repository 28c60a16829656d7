# SPDX-License-Identifier: GPL-3.0-or-later
"""The weakness groups of the program this one descends from, and the tests that mark themselves as covering one."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Dict, Iterator, List

GROUPS = {
    1: "A corrupt or deleted state is taken for a first run, the backdoor inside; writes are not atomic",
    2: "Accepting does nothing and says it did",
    3: "Overlapping runs: one overwrites the other's acceptance",
    4: "Accepting trusts whatever is there at the next run: no preview, no who and why, no history",
    5: "A user name in a log line is counted as a login",
    6: "Keyboard-interactive logins, short sudo users and repeated messages are not counted",
    7: "Logins nobody is told of: after install, past the memory's end, around a rotation, in half a line",
    8: "No auth.log: no SSH signals and no warning",
    9: "A tripwire blind to mode, owner, setuid, directories and links; it names the directory only",
    10: "One name that is not UTF-8 blinds a directory for ever; a sparse file takes the run down",
    11: "Ports: familiar numbers are invisible, ephemeral ones always alert, owners are not compared",
    12: "A standing alert is sent every five minutes; another one is not sent; what is cut is lost",
    13: "A second uid 0 is a warning; group, home and password changes are unseen",
    14: "Shipping: any host is a webhook, secrets on a command line, no retry, the inventory goes out in clear",
    15: "A wrong configuration is ignored or kills the monitor",
    16: "Harmless processes are critical; deleted, hidden and memory-only programs are missed",
    17: "The monitor does not watch itself, and its sandbox hides what it should see",
    18: "Each run costs seven processes and much memory",
    19: "Most ways to persist on a host are not noticed by default",
}


def page(tests: Path) -> Iterator[str]:
    """The page, line by line. Raises ValueError when a group has no test, or a test names no group."""
    found = covered(tests)
    strangers = sorted(set(found) ^ set(GROUPS))
    if strangers:
        raise ValueError(f"weakness groups without a test, or tests of no group: {strangers}")
    yield "# Weaknesses and the tests that cover them\n"
    yield "Made by `scripts/generate-docs` from the marker `weakness(N)` of the tests; do not edit. The groups were"
    yield "proven on the program this one descends from; each is a regression test here.\n"
    for number, title in GROUPS.items():
        yield f"{number}. {title}."
        yield from (f"   - `{test}`" for test in found[number])


def covered(tests: Path) -> Dict[int, List[str]]:
    """Group number -> node ids of its tests, cases left out, sorted."""
    found: Dict[int, List[str]] = {}
    for path in sorted(tests.rglob("test_*.py")):
        place = path.relative_to(tests.parent).as_posix()
        tree = ast.parse(path.read_text(), filename=str(path))
        tables = {
            target.id: list(marked(node.value))
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        everywhere = tables.pop("pytestmark", [])
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for number in {*everywhere, *_of_test(node, tables)}:
                    found.setdefault(number, []).append(f"{place}::{node.name}")
    return {number: sorted(names) for number, names in found.items()}


def _of_test(test: ast.FunctionDef, tables: Dict[str, List[int]]) -> Iterator[int]:
    for decorator in test.decorator_list:
        yield from marked(decorator)
        for node in ast.walk(decorator):
            if isinstance(node, ast.Name):
                yield from tables.get(node.id, [])


def marked(node: ast.AST) -> Iterator[int]:
    """The numbers of the markers ``pytest.mark.weakness(N)`` below a node."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and ast.unparse(inner.func) == "pytest.mark.weakness":
            yield from (int(ast.literal_eval(argument)) for argument in inner.args)
