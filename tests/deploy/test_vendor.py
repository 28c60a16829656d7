# SPDX-License-Identifier: GPL-3.0-or-later
"""The vendored wheels equal their lock, and the check would notice if they did not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def check(root: Path) -> tuple[int, str]:
    run = subprocess.run([sys.executable, str(root / "scripts/vendor"), "--check"], capture_output=True, text=True)
    return run.returncode, run.stderr


def the_requests_wheel(root: Path) -> Path:
    (wheel,) = (root / "deploy/vendor").glob("requests-*.whl")
    return wheel


def flip(root: Path) -> None:
    wheel = the_requests_wheel(root)
    data = bytearray(wheel.read_bytes())
    data[-1] ^= 1
    wheel.write_bytes(data)


def remove(root: Path) -> None:
    the_requests_wheel(root).unlink()


def add(root: Path) -> None:
    shutil.copy(the_requests_wheel(root), root / "deploy/vendor/evil-1.0-py3-none-any.whl")


def replace(root: Path) -> None:
    the_requests_wheel(root).rename(root / "deploy/vendor/requests-9.9-py3-none-any.whl")


def test_the_wheels_are_those_of_the_lock() -> None:
    assert check(ROOT) == (0, "")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (flip, ["its sha256 is not the lock's"]),
        (remove, ["the wheel is missing"]),
        (add, ["evil-1.0-py3-none-any.whl: not in the lock"]),
        (replace, ["the wheel is missing", "requests-9.9-py3-none-any.whl: not in the lock"]),
    ],
)
def test_any_difference_is_named(tmp_path: Path, spoil: Callable[[Path], None], words: list[str]) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/vendor", tmp_path / "scripts/vendor")
    shutil.copytree(ROOT / "deploy/vendor", tmp_path / "deploy/vendor")
    assert check(tmp_path) == (0, "")
    spoil(tmp_path)
    code, text = check(tmp_path)
    assert code == 1
    assert [word in line for word, line in zip(words, text.splitlines(), strict=True)] == [True] * len(words)
