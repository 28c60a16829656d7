# SPDX-License-Identifier: GPL-3.0-or-later
"""A small checkout to build releases from."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from support.release import build
from support.tree import ROOT

SCRIPTS = ("release.py", "release_files.py", "release_places.py", "release_build.py")
MAIN = """
import sys

def main():
    where = [sys.path[0].rpartition("/")[2], sys.path[-1].rpartition("/")[2]]
    print(sys.argv[1:], where, sys.flags.isolated, sys.flags.no_site, sys.dont_write_bytecode)
    import vendored
    return 3
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What ``release.py build`` needs of a checkout, with a runtime of two modules and one wheel."""
    place = tmp_path / "checkout"
    for name in (*SCRIPTS, "runtime/vps-sentry"):
        (place / "deploy" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "deploy" / name, place / "deploy" / name)
    package = place / "agent/src/vps_sentry"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('__version__ = "1.2.3"\n')
    (package / "__main__.py").write_text(MAIN)
    (place / "deploy/vendor").mkdir()
    with zipfile.ZipFile(place / "deploy/vendor/vendored-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("vendored/__init__.py", "name = 'vendored'\n")
    return place


@pytest.fixture
def archive(checkout: Path, tmp_path: Path) -> Path:
    """A good archive, built from ``checkout``."""
    return build(checkout, tmp_path / "out")
