# SPDX-License-Identifier: GPL-3.0-or-later
"""A store in trouble: full, locked, not ours, a replica. One clear sentence, and nothing that was there is lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import cli, engines, ingest, past, roster
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils._libraries import sa
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store, StoreError, open_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.verify import verify
from support.fleet import file_items, make_bundle, many_paths, raw

AT = "2026-11-02T12:00:30Z"


@pytest.fixture(name="store")
def _store(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(engines, "BUSY_SECONDS", 1)
    with open_store(database, environ={}) as opened:
        take(opened, run=1, count=10)
        yield opened


def take(store: Store, *, run: int, count: int) -> None:
    with store.write() as connection:
        store_bundle(connection, run=run, count=count)


def store_bundle(connection: sa.Connection, *, run: int, count: int) -> None:
    items = {"files": file_items(*many_paths(count))}
    document = make_bundle("web-1", items, accepted={}, run=run, prev=f"sha256:{run:064x}")
    bundle = verify(raw(document), nonce=None, held={})
    ingest.ingest(connection, bundle, whose=ingest.Whose("web-1", "web"), at=AT)


def runs(store: Store) -> list[int]:
    with store.read() as connection:
        return [one.run for one in past.snapshots(connection, "web-1")]


def test_locked_by_another_collector(store: Store) -> None:
    with store.write(), pytest.raises(StoreError, match="another process has held it for"):
        take(store, run=2, count=10)

    take(store, run=2, count=10)
    assert runs(store) == [1, 2]


def test_a_reader_is_never_locked_out_and_sees_one_moment(store: Store) -> None:
    with store.read() as reader:
        assert len(past.snapshots(reader, "web-1")) == 1
        take(store, run=2, count=10)
        assert len(past.snapshots(reader, "web-1")) == 1
    with store.write() as writer:
        store_bundle(writer, run=3, count=10)
        assert runs(store) == [1, 2]


def overfill(store: Store) -> None:
    with store.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        store_bundle(connection, run=2, count=20_000)


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """SQLite's own limit stands for the disk's: the error and what happens to the transaction are the same."""
    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store:
        take(store, run=1, count=10)
        before = (tmp_path / "fleet.sqlite").stat().st_size
        with pytest.raises(StoreError, match="the disk is full; nothing was changed"):
            overfill(store)

        assert runs(store) == [1]
        take(store, run=3, count=20)
        assert runs(store) == [1, 3]
    assert (tmp_path / "fleet.sqlite").stat().st_size >= before


FULL = """
import sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
import test_store_trouble as trouble
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import StoreError, open_store
place = Path(sys.argv[1])
with open_store(f"sqlite:///{place}/fleet.sqlite", environ={}) as store:
    trouble.take(store, run=1, count=10)
    try:
        trouble.take(store, run=2, count=20_000)
    except StoreError as exc:
        print(exc)
    print(trouble.runs(store))
"""


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root to mount a small disk")
def test_a_really_full_disk(tmp_path: Path) -> None:
    mount = f'mount -t tmpfs -o size=2m,mode=700 tmpfs {tmp_path} && exec "$@"'
    paths = [*sys.path, str(Path(__file__).parent), str(Path(__file__).parents[1])]
    command = [sys.executable, "-c", FULL, str(tmp_path), *paths]
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount, "sh", *command],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert "disk is full; nothing was changed" in done.stdout, done.stderr
    assert done.stdout.endswith("\n[1]\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_another_users_store(tmp_path: Path) -> None:
    path = tmp_path / "fleet.sqlite"
    with open_store(f"sqlite:///{path}", environ={}) as store:
        take(store, run=1, count=10)
    path.chmod(0o400)
    with (
        pytest.raises(StoreError, match="this user may not write it"),
        open_store(f"sqlite:///{path}", environ={}) as s,
    ):
        take(s, run=2, count=10)


def test_a_replica_takes_no_changes(postgresql: str, database: str) -> None:
    if database.startswith("sqlite"):
        pytest.skip("SQLite has no replicas")
    with open_store(database, environ={}):
        pass
    replica = f"{database}&options=-c%20default_transaction_read_only%3Don"
    with open_store(replica, environ={}) as store, pytest.raises(StoreError, match="the database takes no changes now"):
        take(store, run=1, count=10)


def test_a_server_that_is_not_there_and_a_password_that_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("psycopg")
    url = "postgresql+psycopg://anna@127.0.0.1:1/fleet"
    assert cli.main(["hosts", "--store", url]) == 1
    told = capsys.readouterr().err
    assert told.startswith("vps-sentry-fleet: store postgresql+psycopg://anna@127.0.0.1:1/fleet: ")
    assert "Connection refused" in told


def test_a_backup_is_private_whole_and_can_be_put_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, kept = tmp_path / "fleet.sqlite", tmp_path / "kept.sqlite"
    with open_store(f"sqlite:///{path}", environ={}) as store:
        take(store, run=1, count=10)
        # Somebody else collects meanwhile.
        with store.write() as connection:
            roster.begin_attempt(connection, "web-2", cohort="web")
            assert cli.main(["backup", str(kept), "--store", f"sqlite:///{path}"]) == 0
        take(store, run=2, count=10)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert cli.main(["backup", str(kept), "--store", f"sqlite:///{path}"]) == 1
    assert "File exists; name another file" in capsys.readouterr().err

    # As docs/operations.md says: nobody uses it, the three files go, the copy takes their place.
    for name in ("fleet.sqlite", "fleet.sqlite-wal", "fleet.sqlite-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    shutil.copyfile(kept, path)
    with open_store(f"sqlite:///{path}", environ={}) as store:
        assert runs(store) == [1]
        take(store, run=3, count=10)
        assert runs(store) == [1, 3]
    check = sqlite3.connect(kept)
    assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    check.close()


def test_a_server_is_backed_up_by_its_own_means(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    if database.startswith("sqlite"):
        pytest.skip("an SQLite store is copied by the command itself")
    with open_store(database, environ={}):
        pass
    assert cli.main(["backup", "/nonexistent/x", "--store", database]) == 1
    assert "pg_dump" in capsys.readouterr().err
