# SPDX-License-Identifier: GPL-3.0-or-later
"""``ack`` and ``--expires`` as they are typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Tuple

import pytest
from support.shell import Shell


@pytest.fixture(name="shell")
def _shell(owned: Path) -> Shell:
    """A disk with a baseline, and one change that is critical."""
    shell = Shell(owned)
    shell.accept()
    (shell.root / "etc/ld.so.preload").write_text("/tmp/evil.so\n")
    shell.look()
    return shell


def alert_id(shell: Shell) -> str:
    found = json.loads((shell.state / "last.json").read_bytes())["alerts"]
    return str(found[0]["id"])


def test_a_silenced_alert_is_shown_and_not_counted(shell: Shell) -> None:
    done = shell.run("ack", alert_id(shell)[:6], "--for", "7d", "--reason", "a test of ours")
    assert 0 == done.returncode, done.stderr
    assert "file_preload, /etc/ld.so.preload appeared) acknowledged by tester (claimed" in done.stdout

    look = shell.look()
    assert 0 == look.returncode
    assert "silenced  /etc/ld.so.preload appeared" in look.stdout
    assert "nothing open, 1 acknowledged" in look.stdout
    assert "acknowledged by tester" in shell.run("baseline", "log").stdout
    assert "+ files /etc/ld.so.preload" in shell.accept("--dry-run").stdout


REFUSED: Tuple[Tuple[Tuple[str, ...], str], ...] = (
    (("ack", "ID"), "required: --reason"),
    (("ack", "ID", "--reason", " "), "--reason: say why"),
    (("ack", "ID", "--reason", "x", "--for", "soon"), "--for: 'soon' is not a duration"),
    (("ack", "ID", "--reason", "x", "--for", "0d"), "--for: no time at all"),
    (("ack", "nothing", "--reason", "x"), "no open alert has an id"),
    (("run", "--expires", "2h"), "belong to --accept-baseline"),
    (("--accept-baseline", "--expires", "0h"), "no time at all"),
    (("--accept-baseline", "--expires", "2h", "--dry-run"), "not when it is only planned"),
    (("--accept-baseline", "--expires", "2 hours"), "is not a duration"),
)


@pytest.mark.parametrize(("words", "problem"), REFUSED)
def test_what_makes_no_sense_is_refused(shell: Shell, words: Tuple[str, ...], problem: str) -> None:
    given = [alert_id(shell) if word == "ID" else word for word in words]
    done = shell.run(*given)

    assert 2 == done.returncode
    assert problem in done.stderr


def test_an_acceptance_for_a_time_says_until_when(shell: Shell) -> None:
    done = shell.accept("--expires", "2h", "--reason", "a deployment")

    assert 0 == done.returncode, done.stderr
    assert "until 20" in done.stdout
    assert "then the values before hold again" in done.stdout
    assert " until 20" in shell.run("baseline", "log").stdout
