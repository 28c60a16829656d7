# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores to accept in: an SQLite file, and for the main story PostgreSQL too."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store, open_store
from support.peers import Cohort


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store:
        yield store


@pytest.fixture(name="any_store")
def _any_store(database: str) -> Iterator[Store]:
    with open_store(database, environ={}) as store:
        yield store


@pytest.fixture(scope="module", name="founded")
def _founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("founded")
    Cohort.found(path)
    return path


@pytest.fixture(name="cohort")
def _cohort(founded: Path, tmp_path: Path) -> Iterator[Cohort]:
    shutil.copytree(founded, tmp_path, dirs_exist_ok=True)
    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store:
        yield Cohort(tmp_path, store)
