# SPDX-License-Identifier: GPL-3.0-or-later
"""What is handed on without the checkout: the built collection and the wheel install the very same release."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Dict, Optional

import pytest
from support.tree import ROOT

BIN = Path(sysconfig.get_path("scripts"))
FLEET = Path("ansible_collections/vps_sentry/fleet")


def run(*command: object, cwd: Path, environment: Optional[Dict[str, str]] = None, umask: int = 0o022) -> str:
    """Standard output of a command that has to succeed."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def copy_of_the_checkout(place: Path) -> Path:
    """The project's own files, elsewhere: nothing else may be needed, and nothing is written into this checkout."""
    tools = shutil.ignore_patterns(".git", ".venv", ".cache", ".*_cache", "__pycache__", "build", "*.egg-info")
    return Path(shutil.copytree(ROOT, place, symlinks=True, ignore=tools))


def release_id(deploy: Path, output: Path, *, umask: int = 0o022) -> str:
    """The ID of the release that a copy of the sources builds."""
    built = run(sys.executable, "-I", "-B", deploy / "release.py", "build", "--output", output, cwd=output, umask=umask)
    return built.split()[0]


@pytest.fixture(scope="module", name="expected")
def _expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    return release_id(ROOT / "deploy", tmp_path_factory.mktemp("here"))


@pytest.fixture(scope="module", name="checkout")
def _checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_the_checkout(tmp_path_factory.mktemp("copy") / "checkout")


def test_place_time_and_umask_do_not_show_in_a_release(checkout: Path, tmp_path: Path, expected: str) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    first.mkdir()
    second.mkdir()
    for path in checkout.rglob("*"):
        os.utime(path, (0, 0), follow_symlinks=False)
    assert expected == release_id(ROOT / "deploy", first)
    assert expected == release_id(checkout / "deploy", second, umask=0o077)

    archives = [next(place.iterdir()) for place in (first, second)]
    assert archives[0].read_bytes() == archives[1].read_bytes()


def test_a_built_collection_installs_elsewhere(checkout: Path, tmp_path: Path, expected: str) -> None:
    environment = {"ANSIBLE_HOME": str(tmp_path / "home"), "ANSIBLE_LOCAL_TEMP": str(tmp_path / "tmp")}
    galaxy = [BIN / "ansible-galaxy", "collection"]
    run(*galaxy, "build", "--output-path", tmp_path, cwd=checkout / "collections" / FLEET, environment=environment)
    archive = next(tmp_path.glob("vps_sentry-fleet-*.tar.gz"))
    shutil.move(str(checkout), str(tmp_path / "moved away"))
    run(*galaxy, "install", "--offline", archive, "-p", tmp_path / "there", cwd=tmp_path, environment=environment)
    shutil.move(str(tmp_path / "moved away"), str(checkout))

    files = tmp_path / "there" / FLEET / "roles/agent/files"
    assert expected == release_id(files / "deploy", tmp_path)
    assert [] == [path for path in files.rglob("*") if path.is_symlink()]


def test_the_wheel_holds_the_whole_collection(checkout: Path, tmp_path: Path, expected: str) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, checkout, cwd=tmp_path)
    place = tmp_path / "site"
    run(*pip, "install", "--no-deps", "--no-index", "--target", place, *tmp_path.glob("*.whl"), cwd=tmp_path)
    assert expected == release_id(place / FLEET / "roles/agent/files/deploy", tmp_path)

    # Its playbooks are found by their full name, from any directory, without a configuration.
    settings = tmp_path / "empty.cfg"
    settings.touch()
    environment = {"PYTHONPATH": str(place), "ANSIBLE_CONFIG": str(settings), "ANSIBLE_HOME": str(tmp_path / "home")}
    plays = run(
        *(BIN / "ansible-playbook", "--list-tasks", "-i", "localhost,", "vps_sentry.fleet.install"),
        cwd=tmp_path,
        environment=environment,
    )
    assert "Build the release on the controller" in plays
