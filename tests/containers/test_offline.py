# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller without Internet: one archive, checked, installed and used in a network namespace of nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from support.tree import ROOT

pytestmark = pytest.mark.container
# No interface but a loopback that is down: whatever asks for an index fails.
NO_NETWORK = ["unshare", "--map-root-user", "--net"]


def run(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), "PYTHON": sys.executable}
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module", name="bundle")
def _bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("offline")
    made = run(sys.executable, ROOT / "scripts/offline-bundle", "--output", place, cwd=place)
    assert made.returncode == 0, made.stderr
    with tarfile.open(made.stdout.split()[1]) as archive:
        archive.extractall(place, filter="data")
    return next(path for path in place.glob("vps-sentry-*") if path.is_dir())


def test_it_installs_and_works_with_networking_off(bundle: Path, tmp_path: Path) -> None:
    done = run(*NO_NETWORK, bundle / "install", tmp_path / "venv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr

    bins = tmp_path / "venv/bin"
    listed = run(
        *NO_NETWORK, bins / "ansible-playbook", "--list-tasks", "-i", "h,", "vps_sentry.fleet.install", cwd=tmp_path
    )
    assert "Build the release on the controller" in listed.stdout, listed.stderr
    galaxy = [*NO_NETWORK, bins / "ansible-galaxy", "collection", "install", "--offline", "-p", tmp_path / "c"]
    assert 0 == run(*galaxy, next(bundle.glob("vps_sentry-fleet-*.tar.gz")), cwd=tmp_path).returncode
    assert 0 == run(*NO_NETWORK, bins / "vps-sentry-fleet", "--help", cwd=tmp_path).returncode


def test_the_list_of_materials_names_every_wheel(bundle: Path) -> None:
    components = json.loads((bundle / "sbom.cdx.json").read_text())["components"]
    listed = {component["hashes"][0]["content"] for component in components if component["scope"] == "required"}
    locked = {line.rpartition(":")[2] for line in (bundle / "requirements.lock").read_text().splitlines()}

    assert listed == locked
    assert {"ansible-core", "pydantic", "vps-sentry", "requests"} <= {component["name"] for component in components}


def test_a_file_that_was_touched_is_refused(bundle: Path, tmp_path: Path) -> None:
    wheel = next((bundle / "wheels").glob("ansible_core-*.whl"))
    kept = wheel.read_bytes()
    wheel.write_bytes(kept + b"x")
    done = run(bundle / "install", tmp_path / "venv", cwd=tmp_path)
    wheel.write_bytes(kept)

    assert (done.returncode, "differ from SHA256SUMS" in done.stderr) == (1, True)
    assert not (tmp_path / "venv").exists()
