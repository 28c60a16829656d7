# SPDX-License-Identifier: GPL-3.0-or-later
"""Every alert code that can be given is explained, and nothing is explained that is never given."""

from __future__ import annotations

import ast
import re
from typing import Dict, Iterator, List, NamedTuple, Set

import pytest
from support.tree import AGENT, ROOT, parse, python_files
from vps_sentry.checks import discover
from vps_sentry.cli.explain import lines, table

GIVERS = {"Rating", "Signal", "Finding", "Alert"}
# Here codes only pass through; where they are made they stand as literals.
CARRIERS = ("judge.py", "explaining.py", "lifecycle.py")


class Given(NamedTuple):
    """A code, and by which kind of thing it is given."""

    code: str
    giver: str


def given(tree: ast.Module) -> Iterator[Given]:
    """The codes a file gives. Raises ValueError at one that is neither a literal nor from a table of literals."""
    tables = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in GIVERS:
            named = [word.value for word in node.keywords if word.arg == "code"]
            for value in [*named, *node.args[:1]][:1]:
                yield from (Given(code, node.func.id) for code in literals(value, tables))


def literals(value: ast.expr, tables: Dict[str, ast.Dict]) -> Iterator[str]:
    if isinstance(value, ast.Constant):
        yield str(value.value)
    elif isinstance(value, ast.IfExp):
        yield from literals(value.body, tables)
        yield from literals(value.orelse, tables)
    elif isinstance(value, ast.Subscript) and isinstance(value.value, ast.Name) and value.value.id in tables:
        for entry in tables[value.value.id].values:
            yield from literals(entry, tables)
    else:
        raise ValueError(f"line {value.lineno}: write the code as a literal, not as {ast.unparse(value)}")


def all_given() -> List[Given]:
    return [
        found
        for path in python_files(AGENT)
        if path.name not in CARRIERS or path.parent != AGENT
        for found in given(parse(path))
    ] + [Given("check_failed", "Finding")]


def test_every_code_is_explained_and_every_explained_one_is_given() -> None:
    assert {found.code for found in all_given()} == set(table())


def test_what_carries_codes_makes_only_the_one_of_a_failing_check() -> None:
    """The carriers are left out of the scan, so a literal code in one would go unexplained."""
    source = "".join((AGENT / name).read_text() for name in CARRIERS)

    assert ["check_failed"] == re.findall(r'(?:Finding|Alert|Rating|Signal)\("([^"]+)"|code="[^"]+"', source)


def test_an_event_is_what_no_change_of_an_item_gives() -> None:
    """``explain`` says how to accept for the others only."""
    by_item = {found.code for found in all_given() if found.giver == "Rating"}

    assert {name for name, (_, code) in table().items() if code.event} == set(table()) - by_item


def test_no_code_has_two_meanings() -> None:
    names = [name for check in discover().values() for name in check.codes]

    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("name", sorted(table()))
def test_an_explanation_says_what_and_what_to_do(name: str) -> None:
    code = table()[name][1]
    text = "\n".join(lines(name, table()[name]))

    assert code.about.endswith(".")
    assert code.action.endswith(".")
    assert re.fullmatch(r"(T\d{4}(\.\d{3})?)?", code.technique)
    assert ("--accept-baseline" in text) != code.event or code.action.count("--accept-baseline")
    assert "vps-sentry ack" in text


GIVEN = [
    pytest.param('Rating("a", s, t)', {"a"}, id="a literal"),
    pytest.param('Finding(check="c", code="a")', {"a"}, id="by name"),
    pytest.param('Rating("a" if x else "b", s, t)', {"a", "b"}, id="one of two"),
    pytest.param('C = {"x": "a", "y": "b"}\nRating(C[k], s, t)', {"a", "b"}, id="a table"),
    pytest.param("Signal(**stored)", set(), id="one that was given before and comes back"),
]


@pytest.mark.parametrize(("source", "expected"), GIVEN)
def test_given_codes_are_found(source: str, expected: Set[str]) -> None:
    assert {found.code for found in given(ast.parse(source))} == expected


@pytest.mark.parametrize("source", ["Rating(name, s, t)", "Rating('a' + x, s, t)", "Rating(OTHER[k], s, t)"])
def test_a_code_that_cannot_be_read_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="literal"):
        list(given(ast.parse(source)))


@pytest.mark.parametrize("name", sorted(discover()))
def test_every_option_says_what_it_does(name: str) -> None:
    page = (ROOT / "docs" / "checks.md").read_text().split(f"## {name}\n")[1].split("\n## ")[0]

    assert [] == [line for line in page.splitlines() if line.endswith("|  |")]
