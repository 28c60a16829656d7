# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's own judgement of the collection, as it is built and handed on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import List, Set

import pytest
from support.sanity import ansible_test, build_collection, pip_versions
from support.tree import FLEET

# There is no PowerShell in the collection.
WITHOUT = {"pslint"}
LISTS = sorted((FLEET / "tests" / "sanity").glob("ignore-*.txt"))


@pytest.fixture(scope="module", name="built")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_collection(tmp_path_factory.mktemp("built"))


def names(listed: str) -> Set[str]:
    """The tests that ``--list-tests`` lists; what it warns about has other letters in it."""
    return {line for line in listed.splitlines() if re.fullmatch(r"[a-z0-9-]+", line)}


def started(printed: str) -> Set[str]:
    """The tests that were begun, and not passed over."""
    return set(re.findall(r'^Running sanity test "([a-z0-9-]+)"', printed, re.MULTILINE))


def test_every_sanity_test_ran_and_is_content(built: Path) -> None:
    every = names(ansible_test("sanity", "--list-tests", cwd=built).stdout) - WITHOUT
    left_out = [word for name in sorted(WITHOUT) for word in ("--skip-test", name)]
    done = ansible_test("sanity", *left_out, cwd=built)

    assert done.returncode == 0, done.stdout
    assert {"validate-modules", "pylint", "import", "ansible-doc"} <= every, "the list itself was not read"
    assert every == started(done.stdout), done.stdout


PLANTED = [
    pytest.param("plugins/action/compare.py", b"\nX = '\xe2\x80\x9d'\n", "no-smart-quotes", id="a quote that is none"),
    pytest.param("plugins/modules/collect.py", b"\nimport nothing_known\n", "import", id="a library nobody has"),
]


@pytest.mark.parametrize(("path", "added", "test"), PLANTED)
def test_a_complaint_is_seen(path: str, added: bytes, test: str, built: Path) -> None:
    spoilt = built / path
    whole = spoilt.read_bytes()
    spoilt.write_bytes(whole + added)
    done = ansible_test("sanity", "--test", test, cwd=built)
    spoilt.write_bytes(whole)

    assert done.returncode != 0, done.stdout
    assert path in done.stdout


@pytest.mark.parametrize("path", LISTS, ids=lambda path: str(path.name))
def test_what_is_left_out_has_a_reason(path: Path) -> None:
    bare: List[str] = [line for line in path.read_text().splitlines() if not re.search(r" # \w+ \w+", line)]

    assert bare == []


def test_the_list_is_there_for_every_ansible_that_is_supported() -> None:
    assert [f"ignore-2.{minor}.txt" for minor in range(19, 23)] == [path.name for path in LISTS]


SOURCES = [
    pytest.param("    default_packages = dict(\n        pip='24.2',\n    )\n", ["24.2"], id="one for all"),
    pytest.param("{'3.8': dict(pip='25.0.1')}\ndict(pip='26.1')", ["25.0.1", "26.1"], id="an older one too"),
    pytest.param("pip_version = packages['pip']", [], id="none"),
]


@pytest.mark.parametrize(("source", "expected"), SOURCES)
def test_pip_versions_are_read(source: str, expected: List[str]) -> None:
    assert expected == pip_versions(source)
