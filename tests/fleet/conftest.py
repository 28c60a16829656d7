# SPDX-License-Identifier: GPL-3.0-or-later
"""Both databases a store can be, for every test that asks for one."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Iterator

import pytest
import sqlalchemy as sa
from support import postgres

_NUMBERS = itertools.count()


@pytest.fixture(scope="session", name="postgresql")
def _postgresql() -> Iterator[str]:
    """The URL of a server of our own, with the place of the database's name left open."""
    if postgres.programs() is None:
        pytest.skip("needs PostgreSQL's programs (Debian: apt-get install postgresql)")
    pytest.importorskip("psycopg")
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"], name="database")
def _database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store that is not there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/fleet.sqlite"
    url: str = request.getfixturevalue("postgresql")
    name = f"fleet_{next(_NUMBERS)}"
    engine = sa.create_engine(url.format("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    return url.format(name)
