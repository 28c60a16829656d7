# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the agent's tests."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Iterator

import pytest


@pytest.fixture(name="owned")
def _owned() -> Iterator[Path]:
    """A directory all of whose parents belong to root and are writable by root alone, as /etc is."""
    path = Path(tempfile.mkdtemp(prefix="vps-sentry-test-", dir="/run"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)
