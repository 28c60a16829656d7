# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 before every write of a real process: the state is old or new, nothing is lost, everything is told."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import pytest
from support.shell import Shell
from support.tree import ROOT
from vps_sentry import history, outbox
from vps_sentry.store import Store

# Runs the command line in a process that kills itself before it puts the Nth file in place.
PROGRAM = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
left = int(sys.argv[2])
replace = os.replace
def put(*words, **more):
    global left
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return replace(*words, **more)
os.replace = put
from vps_sentry.cli import main
sys.exit(main(sys.argv[3:]))
"""


@pytest.fixture(name="shell")
def _shell(owned: Path) -> Shell:
    """A disk with a sink, a baseline and a change that no run has seen yet."""
    shell = Shell(owned)
    shell.configure({"notify": {"webhook": {"url": "https://hook.example/x"}}})
    shell.accept()
    for place in (shell.state / "outbox").iterdir():
        place.unlink()
    shell.look()
    (shell.root / "etc/ld.so.preload").write_text("/tmp/evil.so\n")
    return shell


def killed(shell: Shell, after: int, words: List[str]) -> bool:
    """Whether the process was killed before it was done."""
    command = [sys.executable, "-I", "-c", PROGRAM, str(ROOT / "agent/src"), str(after), *words, *shell.given]
    done = subprocess.run(command, capture_output=True, text=True, env={"USER": "tester"})
    assert done.returncode in (0, 3, -signal.SIGKILL), done.stderr
    return done.returncode == -signal.SIGKILL


def waiting(shell: Shell) -> List[outbox.Entry]:
    places = sorted((shell.state / "outbox").glob("[!.]*"))
    return [outbox.decode_entry(place.read_bytes(), name=place.name) for place in places]


def baseline(shell: Shell) -> Any:
    return json.loads((shell.state / "baseline.json").read_bytes())["sequence"]


@pytest.mark.weakness(1)
@pytest.mark.weakness(12)
@pytest.mark.parametrize("words", [["run"], ["--accept-baseline", "--reason", "seen"]], ids=["a run", "an acceptance"])
def test_killed_before_any_write(shell: Shell, words: List[str], tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    shutil.copytree(shell.state, kept)
    for after in range(40):
        shutil.rmtree(shell.state)
        shutil.copytree(kept, shell.state)
        cut = killed(shell, after, [*words, "--root", str(shell.root)])
        sequence = baseline(shell)
        done = shell.look()

        assert done.returncode in (0, 3), (after, done.stderr)
        assert sequence == baseline(shell), after
        if sequence == 1:
            # Nothing was accepted, so the change stands, and whoever should know is told at least once.
            assert "/etc/ld.so.preload appeared" in done.stdout, after
            assert "file_preload" in {alert.code for entry in waiting(shell) for alert in entry.alerts}, after
        else:
            # An acceptance that counts is on record and told.
            assert 2 == [entry.kind for entry in history.entries(Store(str(shell.state)))].count("accepted"), after
            assert "acceptance" in {entry.kind for entry in waiting(shell)}, after
        if not cut:
            break
    else:
        raise AssertionError("no run ever came to its end")
    assert after > 5
