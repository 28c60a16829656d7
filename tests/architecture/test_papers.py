# SPDX-License-Identifier: GPL-3.0-or-later
"""Licence headers, versions and the README: what a reader relies on without asking."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import List

import pytest
from support.tree import AGENT, FLEET, ROOT, files, relative, scripts

LICENCE = "# SPDX-License-Identifier: GPL-3.0-or-later"
SOURCE_SUFFIXES = {".py", ".sh", ".service", ".timer", ".socket", ".conf"}
LEFTOVERS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def is_source(path: Path) -> bool:
    """Whether a person wrote this file for a machine to run."""
    if path.is_symlink() or not path.stat().st_size:
        return False
    with path.open("rb") as handle:
        return path.suffix in SOURCE_SUFFIXES or path.name == "Containerfile" or handle.read(2) == b"#!"


SOURCES = [path for path in files() if is_source(path)]


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_every_source_file_names_its_licence(path: Path) -> None:
    top = path.read_text().splitlines()[:3]

    assert LICENCE in top


def leftovers(text: str) -> List[str]:
    """Words that say "not finished"."""
    return LEFTOVERS.findall(text)


TEXTS = [*SOURCES, *(path for path in files() if path.suffix in (".md", ".yml", ".j2"))]


@pytest.mark.parametrize("path", [path for path in TEXTS if path != Path(__file__)], ids=relative)
def test_nothing_is_left_for_later(path: Path) -> None:
    assert leftovers(path.read_text()) == []


WORDS = [
    pytest.param("# TODO: later", ["TODO"], id="a note"),
    pytest.param("mastodon, hacker, XXXL", [], id="words that only contain one"),
]


@pytest.mark.parametrize(("text", "expected"), WORDS)
def test_leftovers_are_found(text: str, expected: List[str]) -> None:
    assert leftovers(text) == expected


def stated(path: Path, pattern: str) -> str:
    """What the one line of ``path`` that matches ``pattern`` states."""
    found = re.findall(pattern, path.read_text(), re.MULTILINE)
    assert len(found) == 1, f"{relative(path)}: {pattern} matches {len(found)} lines"
    return str(found[0])


def test_one_version_for_agent_package_and_collection() -> None:
    agent = stated(AGENT / "__init__.py", r'^__version__ = "(.+)"$')
    package = stated(ROOT / "pyproject.toml", r'^version = "(.+)"$')
    collection = stated(FLEET / "galaxy.yml", r"^version: (.+)$")

    assert [package, collection] == [agent, agent]


def test_one_floor_of_ansible_for_package_and_collection() -> None:
    package = stated(ROOT / "pyproject.toml", r'"ansible-core>=([0-9.]+)')
    collection = stated(FLEET / "meta" / "runtime.yml", r"requires_ansible: '>=([0-9.]+)")

    assert collection.removesuffix(".0") == package


DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))


def test_each_decision_has_a_number_of_its_own() -> None:
    assert [f"{number:04d}" for number in range(1, len(DECISIONS) + 1)] == [path.name[:4] for path in DECISIONS]


@pytest.mark.parametrize("path", DECISIONS, ids=relative)
def test_a_decision_is_titled_by_its_number(path: Path) -> None:
    assert path.read_text().startswith(f"# {int(path.name[:4])}. ")


COMMANDS = sorted(path for path in (ROOT / "scripts").iterdir() if path.is_file())


@pytest.mark.parametrize("path", COMMANDS, ids=relative)
def test_the_readme_mentions_every_command(path: Path) -> None:
    assert f"scripts/{path.name}" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("path", [*scripts("sh", "bash", "python3"), ROOT / ".ci" / "run"], ids=relative)
def test_what_has_an_interpreter_line_can_be_run(path: Path) -> None:
    assert os.access(path, os.X_OK)


def test_ci_calls_the_command_of_the_readme_and_nothing_cleverer() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()

    assert lines[-1] == "exec ./scripts/test"
