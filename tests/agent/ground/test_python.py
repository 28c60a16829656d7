# SPDX-License-Identifier: GPL-3.0-or-later
"""The library of Python that the agent loads: bytecode of another making, modules of nobody's (RULES A20)."""

from __future__ import annotations

import importlib.util
import marshal
import os
import py_compile
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from vps_sentry.ground import python
from vps_sentry.host import Host
from vps_sentry.tick import take

EVIL = marshal.dumps(compile("VALUE = 666", "x", "exec"))


def module(place: Path) -> Path:
    """A source with its bytecode; the place of the bytecode."""
    place.mkdir()
    (place / "m.py").write_text("VALUE = 1\n")
    return Path(py_compile.compile(str(place / "m.py"), doraise=True) or "")


def poison(compiled: Path) -> None:
    compiled.write_bytes(compiled.read_bytes()[:16] + EVIL)


def poison_unchecked(compiled: Path) -> None:
    """PEP 552: bytecode that says it is never to be compared with its source."""
    compiled.write_bytes(importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + b"12345678" + EVIL)


def of_another_time(compiled: Path) -> None:
    os.utime(compiled.parent.parent / "m.py", (1, 1))
    poison(compiled)


CASES = [
    pytest.param(lambda compiled: None, None, id="as compiled"),
    pytest.param(poison, "bytecode that its source does not compile to", id="poisoned, its header right"),
    pytest.param(poison_unchecked, "bytecode that its source does not compile to", id="poisoned, never checked"),
    pytest.param(of_another_time, None, id="of another source: Python passes it over"),
    pytest.param(lambda compiled: compiled.write_bytes(compiled.read_bytes()[:20]), "bytecode that", id="cut off"),
    pytest.param(lambda compiled: (compiled.parent.parent / "m.py").unlink(), "bytecode of no source", id="no source"),
]


@pytest.mark.parametrize(("act", "expected"), CASES)
def test_bytecode(act: Callable[[Path], Any], expected: str | None, tmp_path: Path) -> None:
    compiled = module(tmp_path / "lib")
    act(compiled)
    found = python._poisoned(str(compiled))

    assert (found or "").startswith(expected or "nothing"[:0])
    assert (found is None) == (expected is None)


@pytest.fixture(name="lib")
def _lib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of one module, on a host without packages."""
    compiled = module(tmp_path / "lib")
    monkeypatch.setattr(python, "loaded", lambda: {str(tmp_path / "lib/m.py"), str(compiled)})
    return compiled


def look(tmp_path: Path, before: Dict[str, Any]) -> python.Look:
    return python.look(Host(str(tmp_path)), before, full=False)


def test_a_change_wakes_the_tick_is_told_and_told_again_until_it_is_undone(tmp_path: Path, lib: Path) -> None:
    good = lib.read_bytes()
    before = look(tmp_path, {})
    kind, arguments = python.stamp(before.memory)
    stamp = take(kind, arguments)
    poison(lib)

    assert stamp != take(kind, arguments)
    found = look(tmp_path, before.memory)
    assert ({}, [f"python:{lib}"]) == (before.items, list(found.items))
    assert found.items == look(tmp_path, found.memory).items
    lib.write_bytes(good)
    assert {} == look(tmp_path, found.memory).items


def test_bytecode_is_read_again_by_turns_though_nothing_moved(tmp_path: Path, lib: Path) -> None:
    """A disk written below the file system: no time stamp says so."""
    memory = look(tmp_path, {}).memory
    poison(lib)
    memory["verified"][str(lib)] = python._mark(str(lib))
    seen = []
    for _ in range(python.TURNS):
        found = look(tmp_path, memory)
        memory = found.memory
        seen += list(found.items)

    assert f"python:{lib}" in seen


def test_a_module_that_would_be_found_first_wakes_the_tick(tmp_path: Path, lib: Path) -> None:
    kind, arguments = python.stamp(look(tmp_path, {}).memory)
    stamp = take(kind, arguments)
    (tmp_path / "lib/m.abi3.so").touch()

    assert stamp != take(kind, arguments)


def test_the_library_of_this_hosts_own_python_is_in_order() -> None:
    """Every source that this process loaded from a package, against dpkg's list of digests; skipped elsewhere."""
    files = sorted(path for path in Path("/usr/lib/python3").parent.glob("python3.*/[a-j]*.py") if path.is_file())
    if not files or not Path("/var/lib/dpkg/info").is_dir():
        pytest.skip("no Python of dpkg's here")
    own = str(files[0])

    assert {} == python._wrong(Host(), [own])
    assert {"/etc/hostname": "no package brought it"} == python._wrong(Host(), ["/etc/hostname"])
