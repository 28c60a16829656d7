# SPDX-License-Identifier: GPL-3.0-or-later
"""``window`` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Tuple

import pytest
from support.shell import Shell


@pytest.fixture(name="shell")
def _shell(owned: Path) -> Shell:
    shell = Shell(owned)
    shell.accept()
    return shell


def test_it_is_opened_shown_and_holds_back_what_may_wait(shell: Shell) -> None:
    assert "no maintenance window is open\n" == shell.run("window", "show").stdout
    done = shell.run("window", "open", "--for", "2h", "--reason", "deploy 42")
    assert 0 == done.returncode, done.stderr
    assert "maintenance window of tester (claimed" in done.stdout

    (shell.root / "etc/motd").write_text("new\n")
    look = shell.look()
    assert 3 == look.returncode
    assert "/etc/motd" in look.stdout
    assert "by tester" in shell.run("window", "show").stdout
    assert json.loads(shell.run("window", "show", "--format", "json").stdout)["open"]
    assert "maintenance window: open until 20" in shell.run("status").stdout
    assert "maintenance window of tester" in shell.run("baseline", "log").stdout


REFUSED: Tuple[Tuple[Tuple[str, ...], str], ...] = (
    (("open",), "with --for 2h --reason TEXT"),
    (("open", "--for", "2h", "--reason", " "), "with --for 2h --reason TEXT"),
    (("open", "--for", "2d", "--reason", "x"), "24h at most"),
    (("close",), "no maintenance window is open"),
)


@pytest.mark.parametrize(("words", "problem"), REFUSED)
def test_what_makes_no_sense_is_refused(shell: Shell, words: Tuple[str, ...], problem: str) -> None:
    done = shell.run("window", *words)

    assert 2 == done.returncode
    assert problem in done.stderr
