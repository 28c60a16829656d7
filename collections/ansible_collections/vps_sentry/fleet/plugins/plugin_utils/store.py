# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the store lies, and transactions on it: SQLite in WAL mode, one file, mode 0600."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Mapping, Optional

from . import schema, shared
from ._libraries import require, sa

BUSY_SECONDS = 30
_IMMEDIATE = "vps_sentry_immediate"
_REMEDIES = (
    ("not a database", "it is no SQLite file; name another one with --store"),
    ("malformed", "it is damaged; restore a backup, or move it away and collect again"),
    ("locked", f"another process has held it for {BUSY_SECONDS} s; try again when that one is done"),
    ("is full", "the disk is full; nothing was changed"),
    ("readonly", "this user may not write it; use the one who created it"),
    ("unable to open", "this user may not open it, or its directory is missing"),
)


class StoreError(Exception):
    """The store cannot be used. The message names the file and says what to do."""


class Store:
    """An open store. ``read`` and ``write`` are transactions; every error inside becomes a StoreError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = _engine(path)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A consistent view; temporary tables made in it vanish with it."""
        with self._explained(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction that holds the writer's place from its start, so that writers queue, never deadlock."""
        with self._explained(), self._engine.connect() as connection:
            immediate = connection.execution_options(**{_IMMEDIATE: True})
            with immediate.begin():
                yield immediate

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as exc:
            told = str(exc.orig)
            remedy = next((remedy for word, remedy in _REMEDIES if word in told), told)
            raise StoreError(f"store {self.path}: {remedy}") from exc


@contextmanager
def open_store(url: Optional[str], *, environ: Mapping[str, str], create: bool = True) -> Iterator[Store]:
    """The store at ``url`` (None: the default place), made when it is not there if ``create``. Raises StoreError."""
    require()
    path = locate(url, environ=environ)
    if not create and not path.exists():
        raise StoreError(f"store {path}: there is none; collect first, or name another one with --store")
    _make_private(path)
    store = Store(path)
    if not _is_ready(store):
        with store.write() as connection:
            _create(connection, path)
    if not _is_current(store):
        with store.write() as connection:
            shared.refresh(connection)
    yield store


def locate(url: Optional[str], *, environ: Mapping[str, str]) -> Path:
    """The file a store URL means; without one ``VPS_SENTRY_STORE_FILE`` or the user's data directory decides."""
    if url is None and "VPS_SENTRY_STORE_FILE" in environ:
        return _database(_secret(Path(environ["VPS_SENTRY_STORE_FILE"])))
    if url is None:
        data = environ.get("XDG_DATA_HOME") or os.path.join(
            environ.get("HOME", os.path.expanduser("~")), ".local/share"
        )
        return Path(data, "vps-sentry", "fleet.sqlite")
    path = _database(url)
    if sa.make_url(url).password is not None:
        raise StoreError(
            "a password in the store's URL is visible to everybody on this machine: "
            "write the URL into a file of mode 0600 and name that in VPS_SENTRY_STORE_FILE"
        )
    return path


def _database(url: str) -> Path:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as exc:
        raise StoreError("the store is named by a URL, for a file sqlite:////var/lib/fleet.sqlite") from exc
    if parsed.password is None and (parsed.get_backend_name() != "sqlite" or not parsed.database):
        raise StoreError(f"store {parsed}: this release keeps its store in an SQLite file: sqlite:////PATH")
    return Path(parsed.database or "").absolute()


def _secret(path: Path) -> str:
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise StoreError(f"{path} may be read by others: chmod 600 {path}")
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeError) as exc:
        raise StoreError(f"cannot read VPS_SENTRY_STORE_FILE {path}: {exc}") from exc


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


def _engine(path: Path) -> sa.Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        poolclass=sa.pool.NullPool,
        connect_args={"timeout": BUSY_SECONDS},
    )
    sa.event.listen(engine, "connect", _configure)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: Any, _record: Any) -> None:
    # SQLite's own driver would begin transactions late and silently; _begin does it, and says which kind.
    connection.isolation_level = None
    _use_wal(connection)
    for pragma in ("foreign_keys = ON", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}").close()


def _use_wal(connection: Any) -> None:
    # SQLite does not wait for this one change, so the first collectors of a new store would trip over each other.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
            return
        except sqlite3.OperationalError as exc:
            if "locked" not in str(exc) or time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def _begin(connection: sa.Connection) -> None:
    immediate = connection.get_execution_options().get(_IMMEDIATE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _is_ready(store: Store) -> bool:
    with store.read() as connection:
        tables = sa.inspect(connection).get_table_names()
        if not tables:
            return False
        if schema.meta.name not in tables:
            raise StoreError(f"store {store.path}: it belongs to another program; name another file with --store")
        found = connection.scalar(sa.select(schema.meta.c.value).where(schema.meta.c.name == "schema"))
    if found is None or not found.isdigit() or int(found) > schema.VERSION:
        raise StoreError(
            f"store {store.path}: its schema is {found}, this controller knows {schema.VERSION}: upgrade the controller"
        )
    return True


def _is_current(store: Store) -> bool:
    with store.read() as connection:
        return shared.is_current(connection)


def _create(connection: sa.Connection, path: Path) -> None:
    # Several collectors may find the same new store: the first in the queue creates, the others find it there.
    schema.metadata.create_all(connection)
    row = {"name": "schema", "value": str(schema.VERSION)}
    connection.execute(sa.insert(schema.meta).prefix_with("OR IGNORE"), row)
