# SPDX-License-Identifier: GPL-3.0-or-later
"""The Molecule scenarios of the collection, all of them, on real hosts reached by real ssh."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import Dict, List

import pytest
from support.engine import Engine
from support.lab import Lab
from support.tree import FLEET

pytestmark = pytest.mark.container
BIN = sysconfig.get_path("scripts")
SCENARIOS = sorted(path.parent.name for path in (FLEET / "extensions" / "molecule").glob("*/molecule.yml"))
SECONDS = 2400
_STEP = re.compile(r"^(?P<scenario>[\w-]+) > (?P<step>[\w-]+): (?P<outcome>.+)$", re.MULTILINE)


def environment(engine: Engine, *, sockets: str) -> Dict[str, str]:
    """What molecule needs to know of this machine; its own ansible.cfg counts, not the checkout's."""
    found = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "NO_COLOR": "1"}
    found.pop("ANSIBLE_CONFIG", None)
    return {
        **found,
        "SENTRY_TEST_CONTAINERS_CONF": engine.environment.get("CONTAINERS_CONF", ""),
        "SENTRY_TEST_CONTROL_PATH_DIR": sockets,
    }


@pytest.fixture(scope="module", name="printed")
def _printed(lab: Lab) -> str:
    """What ``molecule test --all`` printed, as one run: the scenarios share their hosts."""
    with tempfile.TemporaryDirectory(prefix="vps-sentry-cp-", dir="/tmp") as sockets:
        done = subprocess.run(
            [f"{BIN}/molecule", "test", "--all"],
            cwd=FLEET,
            env=environment(lab.engine, sockets=sockets),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    return done.stdout + f"\nmolecule ended {done.returncode}\n"


def outcomes(printed: str, scenario: str) -> List[str]:
    """``step: outcome`` for each step of a scenario, from molecule's own summary."""
    steps = _STEP.finditer(printed)
    return [f"{step['step']}: {step['outcome']}" for step in steps if step["scenario"] == scenario]


def trouble(printed: str) -> str:
    """What went wrong, the task before each complaint with it; molecule itself says so only among all the rest."""
    task, found = "", []
    for line in printed.splitlines():
        if line.startswith(("TASK [", "PLAY [")) or " > " in line:
            task = line.rstrip(" *")
        if line.startswith(("fatal: ", "failed: ", "[ERROR]: ", "CRITICAL ", "ERROR ")):
            found.append(f"{task}\n    {line[:2000]}")
    return "\n".join(found)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(printed: str, scenario: str) -> None:
    found = outcomes(printed, scenario)

    assert "verify: Executed: Successful" in found, trouble(printed)
    assert [step for step in found if not step.endswith("Executed: Successful")] == [], trouble(printed)


def test_the_run_as_a_whole_succeeded(printed: str) -> None:
    assert "molecule ended 0" in printed, trouble(printed)


@pytest.mark.skipif(os.geteuid() != 0, reason="sudo looks for docker in places of its own")
def test_hosts_boot_as_docker_would_start_them(lab: Lab, tmp_path: Path) -> None:
    """Podman under Docker's name, as the package podman-docker does it: the options are those of Docker."""
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\nexec podman "$@"\n')
    docker.chmod(0o755)
    with tempfile.TemporaryDirectory(prefix="vps-sentry-cp-", dir="/tmp") as sockets:
        found = environment(lab.engine, sockets=sockets)
        found.update(
            SENTRY_TEST_ENGINE="docker",
            SENTRY_TEST_HOSTS="sentry_hosts",
            PATH=f"{tmp_path}:{found['PATH']}",
            MOLECULE_EPHEMERAL_DIRECTORY=str(tmp_path / "ephemeral"),
        )
        (tmp_path / "ephemeral").mkdir()
        created, destroyed = (
            subprocess.run(
                [f"{BIN}/molecule", step],
                cwd=FLEET,
                env=found,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=600,
            )
            for step in ("create", "destroy")
        )
    assert (created.returncode, destroyed.returncode) == (0, 0), created.stdout + created.stderr + destroyed.stdout


COMPLAINT = 'TASK [Each is ours] ***\nok: [one]\nfatal: [two]: FAILED! => {"msg": "no"}\nPLAY RECAP ***\n'


def test_a_complaint_is_shown_with_its_task() -> None:
    assert trouble(COMPLAINT) == 'TASK [Each is ours]\n    fatal: [two]: FAILED! => {"msg": "no"}'


SUMMARY = "default > create: Executed: Successful\nupgrade > verify: Executed: Failed (because)\nDETAILS\n"


def test_a_failure_is_read_from_the_summary() -> None:
    assert outcomes(SUMMARY, "upgrade") == ["verify: Executed: Failed (because)"]
