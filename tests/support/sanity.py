# SPDX-License-Identifier: GPL-3.0-or-later
"""`ansible-test sanity` on the collection as it is handed on: built, unpacked, away from the checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
from importlib.util import find_spec
from pathlib import Path
from typing import List

from .tree import FLEET, ROOT

BIN = Path(sysconfig.get_path("scripts"))
# ansible-test keeps its virtual environments in the home directory. This one is the tests' own, and is kept.
HOME = ROOT / ".cache" / "ansible-test"
SECONDS = 900

# Instead of a script from the network: pip of the package index, put there by the pip that runs the tests.
BOOTSTRAP = """\
import subprocess, sys
words = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.call([{python!r}, "-m", "pip", "--python", sys.executable, "install", "--quiet", *words]))
"""


def build_collection(place: Path) -> Path:
    """Build the collection and unpack it where ansible-test wants it, below ``place``; its folder there."""
    target = place / "ansible_collections" / "vps_sentry" / "fleet"
    target.mkdir(parents=True)
    built = _run([str(BIN / "ansible-galaxy"), "collection", "build", "--output-path", str(place)], cwd=FLEET)
    assert built.returncode == 0, built.stdout
    with tarfile.open(next(place.glob("*.tar.gz"))) as archive:
        archive.extractall(target, filter="data")
    return target


def ansible_test(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run ``ansible-test`` with this very Python; what it says, complaints included, is in ``stdout``."""
    _prepare_home()
    program = [str(BIN / "ansible-test"), *words, "--color", "no"]
    return _run([*program, "--python", f"{sys.version_info[0]}.{sys.version_info[1]}"], cwd=cwd)


def pip_versions(requirements: str) -> List[str]:
    """The versions of pip that ansible-test starts its environments with, from its own source."""
    return re.findall(r"\bpip='([0-9.]+)'", requirements)


def _prepare_home() -> None:
    found = find_spec("ansible_test")
    assert found is not None, "ansible-test is missing: pip install -e '.[dev]'"
    assert found.submodule_search_locations
    source = Path(next(iter(found.submodule_search_locations))) / "_internal" / "python_requirements.py"
    versions = pip_versions(source.read_text())
    assert versions, f"{source} does not say which pip it wants: look how ansible-test now starts its environments"
    cache = HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in versions:
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(BOOTSTRAP.format(python=sys.executable))
    # Where the package index is said: ansible-test passes on none of pip's variables.
    settings, real = HOME / ".config" / "pip", Path.home() / ".config" / "pip"
    settings.parent.mkdir(exist_ok=True)
    settings.unlink(missing_ok=True)
    settings.symlink_to(real)


def _run(argv: List[str], *, cwd: Path) -> subprocess.CompletedProcess[str]:
    # Interpreters that are scripts, as pyenv's, do not survive the environment that ansible-test gives them.
    environment = {
        "PATH": f"{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(HOME),
        "LC_ALL": os.environ.get("LC_ALL", "C.UTF-8"),
        "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
    }
    return subprocess.run(
        argv,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=SECONDS,
    )
