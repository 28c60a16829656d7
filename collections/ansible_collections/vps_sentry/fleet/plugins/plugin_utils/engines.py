# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between the two databases: how a connection is made, and how a transaction begins."""

from __future__ import annotations

import sqlite3
import time
from functools import cache, partial
from typing import Any, Dict

from ._libraries import LibraryError, sa
from .places import Place

BUSY_SECONDS = 30
WRITES = "vps_sentry_writes"
"""Execution option of a connection whose transaction will write."""
_LOCK = 0x7670735F73656E74
"""The advisory lock of all writers: an arbitrary number that is the same in every release."""


class _Statements(Dict[Any, Any]):
    """What SQLAlchemy compiled, whatever engine it was for: the first part of its keys, the dialect, is left out."""

    def get(self, key: Any, default: Any = None) -> Any:
        """As a dictionary does."""
        return super().get(key[1:], default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key[1:], value)


@cache
def statements() -> _Statements:
    """Of all SQLite stores of this process and, once it forks, of its children (``rehearsal``)."""
    return _Statements()


def engine(place: Place, *, patience: int = BUSY_SECONDS) -> sa.Engine:
    """Connections to ``place``: one for all transactions of an SQLite store, in PostgreSQL a new one for each.

    A transaction waits ``patience`` seconds for the others.
    """
    if place.path is not None:
        made = sa.create_engine(
            place.url,
            poolclass=sa.pool.QueuePool,
            pool_size=1,
            max_overflow=-1,
            connect_args={"timeout": patience},
            execution_options={"compiled_cache": statements()},
        )
        sa.event.listen(made, "connect", partial(_configure_sqlite, patience=patience))
        sa.event.listen(made, "begin", _begin_sqlite)
        return made
    try:
        made = sa.create_engine(place.url, poolclass=sa.pool.NullPool, connect_args={"connect_timeout": patience})
    except ImportError as exc:
        raise LibraryError(
            f"a store in PostgreSQL needs psycopg in Ansible's own Python: pip install 'vps-sentry[postgresql]' ({exc})"
        ) from exc
    sa.event.listen(made, "begin", partial(_begin_postgresql, patience=patience))
    return made


def _configure_sqlite(connection: Any, _record: Any, *, patience: int) -> None:
    # SQLite's own driver would begin transactions late and silently; _begin_sqlite does it, and says which kind.
    connection.isolation_level = None
    _use_wal(connection, patience)
    for pragma in ("foreign_keys = ON", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}").close()


def _use_wal(connection: Any, patience: int) -> None:
    # SQLite does not wait for this one change, so the first collectors of a new store would trip over each other.
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
            return
        except sqlite3.OperationalError as exc:
            if "locked" not in str(exc) or time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgresql(connection: sa.Connection, *, patience: int) -> None:
    """Writers queue as they do in SQLite, so that none can deadlock; readers see one moment."""
    if connection.get_execution_options().get(WRITES, False):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{patience}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
