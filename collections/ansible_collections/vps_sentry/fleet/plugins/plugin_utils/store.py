# SPDX-License-Identifier: GPL-3.0-or-later
"""Transactions on the store: a SQLite file in WAL mode, 0600, or a PostgreSQL database."""

from __future__ import annotations

import contextlib
import os
import stat
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Iterator, Mapping, Optional

from . import engines, migrations, schema, shared
from ._libraries import require, sa
from .places import Place, StoreError, locate

__all__ = ["Store", "StoreError", "open_store"]
_BUSY = "another process has held it for too long; try again when that one is done"
_REMEDIES = (
    ("not a database", "it is no SQLite file; name another one with --store"),
    ("malformed", "it is damaged; restore a backup, or move it away and collect again"),
    ("locked", _BUSY),
    ("lock timeout", _BUSY),
    ("is full", "the disk is full; nothing was changed"),
    ("No space left on device", "the database server's disk is full; nothing was changed"),
    ("readonly", "this user may not write it; use the one who created it"),
    ("read-only transaction", "the database takes no changes now (a replica?); use the one that does"),
    ("permission denied", "this database user may not do that; grant it, or use the one who created the tables"),
    ("unable to open", "this user may not open it, or its directory is missing"),
    ("disk I/O error", "its disk does not answer; nothing was changed"),
)


class Store:
    """An open store. ``read`` and ``write`` are transactions; every error inside becomes a StoreError."""

    def __init__(self, place: Place, *, patience: int = engines.BUSY_SECONDS) -> None:
        self.place = place
        self._engine = engines.engine(place, patience=patience)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A consistent view; temporary tables made in it are nobody else's."""
        with self._explained(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction that holds the writer's place from its start, so that writers queue, never deadlock."""
        with self._explained(), self._engine.connect() as connection:
            writer = connection.execution_options(**{engines.WRITES: True})
            with writer.begin():
                yield writer

    def close(self) -> None:
        """Give up the connection that was kept for the next transaction."""
        self._engine.dispose()

    def compact(self) -> None:
        """Give freed room back and refresh what the query planner knows. Waits for nobody's transaction."""
        with self._explained(), self._engine.connect() as connection:
            # Neither database does this inside a transaction.
            raw: Any = connection.execution_options(isolation_level="AUTOCOMMIT").connection.driver_connection
            for statement in ("VACUUM", "ANALYZE"):
                raw.execute(statement).close()

    def copy_to(self, path: Path) -> None:
        """A compact copy of an SQLite store in ``path``, an empty file, as it is at this moment."""
        with self._explained(), self._engine.connect() as connection:
            raw: Any = connection.execution_options(isolation_level="AUTOCOMMIT").connection.driver_connection
            raw.execute("VACUUM INTO ?", (str(path),)).close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as exc:
            told = " ".join(str(exc.orig).split())
            remedy = next((remedy for word, remedy in _REMEDIES if word in told), told)
            raise StoreError(f"store {self.place}: {remedy}") from exc


@contextmanager
def open_store(
    url: Optional[str], *, environ: Mapping[str, str], create: bool = True, patience: int = engines.BUSY_SECONDS
) -> Iterator[Store]:
    """The store at ``url`` (None: the default place), made when it is not there if ``create``. Raises StoreError.

    Whoever else uses it is waited for, ``patience`` seconds at most.
    """
    require()
    place = locate(url, environ=environ)
    if place.path is not None:
        if not create and not place.path.exists():
            raise StoreError(f"store {place}: there is none; collect first, or name another one with --store")
        _make_private(place.path)
    with closing(Store(place, patience=patience)) as store:
        _make_current(store)
        yield store


def _make_private(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A file that exists is not opened: closing it again would drop this process' locks on the database.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(f"store {path}: it is no regular file; choose another place with --store")
        if stat.S_IMODE(found.st_mode) & 0o077 and found.st_uid == os.geteuid():
            path.chmod(0o600)
    except OSError as exc:
        raise StoreError(f"store {path}: {exc.strerror}; choose another place with --store") from exc


def _make_current(store: Store) -> None:
    """Bring the store to this release's schema and rules."""
    with store.read() as connection:
        found = _version(connection, store.place)
        current = found == schema.VERSION and shared.is_current(connection)
    if current:
        return
    with store.write() as connection:
        # Several collectors may find the same store: the first in the queue does it, for the others it is done.
        if found is None or found < schema.VERSION:
            migrations.upgrade(connection)
        if not shared.is_current(connection):
            shared.refresh(connection)


def _version(connection: sa.Connection, place: Place) -> Optional[int]:
    """The version of the store's schema; None when there is nothing in it yet."""
    tables = sa.inspect(connection).get_table_names()
    if not tables:
        return None
    if schema.meta.name not in tables:
        raise StoreError(f"store {place}: it belongs to another program; name another one with --store")
    found = migrations.version_of(connection)
    if not found.isdigit() or int(found) > schema.VERSION:
        raise StoreError(
            f"store {place}: its schema is {found}, this controller knows {schema.VERSION}: upgrade the controller"
        )
    return int(found)
