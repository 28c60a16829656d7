# SPDX-License-Identifier: GPL-3.0-or-later
"""``scripts/demo``: five hosts as promised, the steps it prints do what they say, and nothing of it stays behind."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List, Mapping, Tuple

import pytest
from support.engine import run_as_root
from support.tree import ROOT

pytestmark = pytest.mark.container
# One of the tests' own: a demo that somebody is looking at stays as it is.
NAME = f"vps-sentry-demo-test-{secrets.token_hex(3)}"
HOME = ROOT / ".cache" / NAME
SECONDS = 1200


def demo(*words: str) -> Tuple[int, str]:
    """Exit code and output, errors included, of ``scripts/demo``."""
    # The interpreter of these tests: for another one the virtual environment would be made anew under them.
    environment = {**os.environ, "VPS_SENTRY_DEMO": NAME, "PYTHON": sys.executable}
    return _run([str(ROOT / "scripts" / "demo"), *words], environment)


def _run(argv: List[str], environment: Mapping[str, str]) -> Tuple[int, str]:
    done = subprocess.run(
        argv,
        cwd=ROOT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    return done.returncode, done.stdout


def running() -> List[str]:
    """Names of the demo's containers, stopped ones included."""
    listed = run_as_root(["podman", "ps", "--all", "--format", "{{.Names}}", "--filter", f"name={NAME}-"])
    assert listed.returncode == 0, listed.stderr
    return sorted(listed.stdout.split())


@pytest.fixture(scope="module", name="printed")
def _printed() -> Iterator[str]:
    """What starting it printed."""
    code, printed = demo()
    yield printed if code == 0 else pytest.fail(printed)
    demo("--stop")
    HOME.with_suffix(".lock").unlink()


def steps(printed: str) -> List[str]:
    """The commands that are printed as what to do next, up to the one that ends it."""
    lines = printed[printed.index("Next:") :].splitlines()[1:]
    commands = [line.strip() for line in lines if line.startswith("  ") and not line.startswith("    ")]
    return [command for command in commands if not command.startswith(("ssh ", "./scripts/demo"))]


def test_five_equal_hosts_in_two_groups(printed: str) -> None:
    assert [f"{NAME}-{host}" for host in ("db-1", "db-2", "web-1", "web-2", "web-3")] == running()
    assert "collected 5 of 5" in printed
    assert "no differences (exit 0)" in printed


def test_a_second_one_says_that_it_runs(printed: str) -> None:
    before = running()
    code, again = demo()

    assert (0, before) == (code, running())
    assert "runs already" in again
    assert steps(printed) == steps(again)


def test_the_printed_steps_find_what_was_planted(printed: str) -> None:
    commands = steps(printed)
    assert len(commands) == 4, commands
    code, found = _run(["bash", "-c", "\n".join(["set -e", *commands])], os.environ)

    assert code == 3, found
    assert "absent on web-1, web-3; present on web-2" in found
    assert "/etc/cron.d/persist" in found


def test_the_hosts_are_reached_by_plain_ssh(printed: str) -> None:
    code, said = _run(["ssh", "-F", str(HOME / "ssh_config"), "db-2", "hostname; id -un"], os.environ)

    assert (0, ["db-2", "deploy"]) == (code, said.split()), printed


def test_what_others_may_not_read(printed: str) -> None:
    assert HOME.stat().st_mode & 0o077 == 0, printed
    assert (HOME / "key").stat().st_mode & 0o077 == 0


def test_stop_leaves_nothing_and_may_be_said_twice(printed: str) -> None:
    sockets = Path(os.readlink(HOME / "sockets"))
    assert sockets.is_dir(), printed

    for _ in range(2):
        code, said = demo("--stop")
        assert (0, f"demo: nothing of {NAME} is left\n") == (code, said)
        assert running() == []
        assert not HOME.exists()
        assert not sockets.exists()
