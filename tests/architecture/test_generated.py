# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages made by scripts/generate-docs: up to date, complete, and an old one is noticed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest
from support.tree import ROOT

GENERATOR = ROOT / "scripts" / "generate-docs"
GROUPS = 19


def generate(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, place, *words], capture_output=True, text=True, check=False)


def test_the_pages_are_up_to_date() -> None:
    done = generate(GENERATOR, "--check")

    assert done.returncode == 0, done.stderr


def test_every_weakness_names_tests_that_exist() -> None:
    found: List[str] = re.findall(r"^(\d+)\. .*\n   - `", (ROOT / "docs" / "weaknesses.md").read_text(), re.MULTILINE)

    assert [str(number) for number in range(1, GROUPS + 1)] == found


@pytest.fixture(name="copy")
def _copy(tmp_path: Path) -> Path:
    """The generator in a checkout of its own, whose tests cover nothing yet."""
    copy = tmp_path / "scripts" / GENERATOR.name
    copy.parent.mkdir()
    # The generator finds the checkout from its own place.
    copy.write_text(GENERATOR.read_text())
    (copy.parent / "lib").symlink_to(GENERATOR.parent / "lib")
    (tmp_path / "agent").symlink_to(ROOT / "agent")
    for name in ("docs", "tests"):
        (tmp_path / name).mkdir()
    return copy


def test_a_weakness_without_a_test_is_named(copy: Path) -> None:
    marks = "".join(f"@pytest.mark.weakness({number})\n" for number in range(1, GROUPS))
    (copy.parent.parent / "tests" / "test_a.py").write_text(f"{marks}def test_a(): ...\n")
    done = generate(copy)

    assert (1, f"[{GROUPS}]") == (done.returncode, done.stderr.split()[-1])


MARKS = [
    pytest.param("M", "pytestmark = [M]\ndef test_a(): ...\n", id="for the whole file"),
    pytest.param("M", "@M\ndef test_a(): ...\n", id="for one test"),
    pytest.param(
        "M", "C = [pytest.param(1, marks=M)]\n@pytest.mark.parametrize('x', C)\ndef test_a(x): ...\n", id="for a case"
    ),
]


@pytest.mark.parametrize(("mark", "source"), MARKS)
def test_marks_are_found_and_an_old_page_is_noticed(mark: str, source: str, copy: Path) -> None:
    top = copy.parent.parent
    every = ", ".join(str(number) for number in range(1, GROUPS + 1))
    (top / "tests" / "test_a.py").write_text(source.replace(mark, f"pytest.mark.weakness({every})"))
    assert generate(copy).returncode == 0
    assert (top / "docs" / "weaknesses.md").read_text().count("`tests/test_a.py::test_a`") == GROUPS

    assert generate(copy, "--check").returncode == 0
    (top / "docs" / "weaknesses.md").write_text("old\n")
    done = generate(copy, "--check")
    assert (1, "docs/weaknesses.md") == (done.returncode, done.stderr.split()[0])
    assert "old\n" == (top / "docs" / "weaknesses.md").read_text()
