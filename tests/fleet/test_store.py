# SPDX-License-Identifier: GPL-3.0-or-later
"""The store on disk: content-addressed, idempotent, private, and clear when a file is not its own."""

from __future__ import annotations

import os
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import ingest, roster, schema
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils._libraries import sa
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.ingest import Ingested, Whose
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.places import locate
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store, StoreError, open_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.verify import verify
from support.fleet import Items, file_items, make_bundle, many_paths, raw

AT = "2026-11-02T12:00:30Z"
CHECKS: Mapping[str, Items] = {
    "files": file_items(*many_paths(300)),
    "ports": {"tcp:22:wildcard": {"bind": "wildcard"}},
}


@pytest.fixture(name="store")
def _store(database: str) -> Iterator[Store]:
    with open_store(database, environ={}) as opened:
        yield opened


def take(store: Store, name: str, document: Dict[str, Any], *, at: str = AT) -> Ingested:
    with store.write() as connection:
        bundle = verify(raw(document), nonce=None, held=roster.holdings(connection, name))
        return ingest.ingest(connection, bundle, whose=Whose(name, "web"), at=at)


def counts(store: Store) -> Dict[str, int]:
    with store.read() as connection:
        return {
            table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in schema.metadata.sorted_tables
        }


def test_what_hosts_share_is_kept_once(store: Store) -> None:
    take(store, "web-1", make_bundle("web-1", CHECKS))
    before = counts(store)
    take(store, "web-2", make_bundle("web-2", CHECKS))

    assert counts(store) == {**before, "host": 2, "snapshot": 2, "trusted": 2}


def test_an_unchanged_host_costs_one_row(store: Store) -> None:
    first = take(store, "web-1", make_bundle("web-1", CHECKS))
    before = counts(store)
    second = take(store, "web-1", make_bundle("web-1", CHECKS, run=2))

    assert counts(store) == {**before, "snapshot": before["snapshot"] + 1}
    assert (first.moved, second.moved, second.new_buckets) == (True, False, 0)


def test_the_same_bundle_twice_is_one_bundle(store: Store) -> None:
    take(store, "web-1", make_bundle("web-1", CHECKS, nonce="ab" * 16))
    before = counts(store)
    take(store, "web-1", make_bundle("web-1", CHECKS, nonce="cd" * 16), at="2026-11-02T13:00:00Z")

    assert counts(store) == before
    with store.read() as connection:
        assert roster.hosts(connection)[0].collected_at == "2026-11-02T13:00:00Z"


def test_a_changed_item_brings_one_bucket(store: Store) -> None:
    take(store, "web-1", make_bundle("web-1", CHECKS))
    before = counts(store)
    moved = {**CHECKS, "files": {**CHECKS["files"], "/etc/demo.d/00007.conf": {"type": "link"}}}
    done = take(store, "web-1", make_bundle("web-1", moved, accepted=CHECKS, run=2))
    after = counts(store)

    assert (done.moved, done.new_buckets) == (True, 1)
    assert (after["bucket"] - before["bucket"], after["item"] - before["item"]) == (1, 1)
    assert after["root_bucket"] - before["root_bucket"] == 64


def test_baseline_and_snapshot_are_both_held_and_need_not_travel_again(store: Store) -> None:
    now = {**CHECKS, "ports": {"tcp:80:wildcard": {"bind": "wildcard"}}}
    take(store, "web-1", make_bundle("web-1", now, accepted=CHECKS))
    with store.read() as connection:
        held = roster.holdings(connection, "web-1")
    again = make_bundle("web-1", now, accepted=CHECKS, run=2, have=[name[7:23] for name in held])

    assert again["buckets"] == {}
    assert take(store, "web-1", again).moved is False


def test_a_host_learns_nothing_of_what_others_hold(store: Store) -> None:
    take(store, "web-1", make_bundle("web-1", CHECKS))
    with store.read() as connection:
        assert roster.holdings(connection, "web-2") == {}


def test_a_host_without_baseline_and_with_a_failed_check(store: Store) -> None:
    take(store, "web-1", make_bundle("web-1", CHECKS, accepted={}, failed={"ssh_auth": "no log"}))
    with store.read() as connection:
        row = roster.hosts(connection)[0]
        assert (row.baseline, row.sequence, row.accepted) == ("none", 0, None)
        assert roster.problems(connection) == [roster.Problem("web-1", "ssh_auth", "failed", "no log")]


def test_an_attempt_counts_as_missed_until_a_bundle_is_there(store: Store) -> None:
    with store.write() as connection:
        roster.begin_attempt(connection, "web-1", cohort="web")
    with store.write() as connection:
        roster.begin_attempt(connection, "web-1", cohort="web")
        roster.end_attempt(connection, "web-1", outcome="failed", reason="exit 4", at=AT)
    with store.read() as connection:
        row = roster.hosts(connection)[0]
        assert (row.outcome, row.reason, row.missed, row.collected_at) == ("failed", "exit 4", 2, None)

    take(store, "web-1", make_bundle("web-1", CHECKS))
    with store.read() as connection:
        row = roster.hosts(connection)[0]
        assert (row.outcome, row.reason, row.missed, row.collected_at) == ("collected", "", 0, AT)


def test_an_error_inside_a_transaction_leaves_nothing(store: Store) -> None:
    def fail_half_way() -> None:
        with store.write() as connection:
            roster.begin_attempt(connection, "web-1", cohort="web")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()

    assert counts(store)["host"] == 0


def test_parallel_collectors_on_a_new_store(database: str) -> None:
    def collect(number: int) -> None:
        own = {**CHECKS, "files": {**CHECKS["files"], f"/etc/own-{number}": {"type": "file"}}}
        with open_store(database, environ={}) as store:
            take(store, f"web-{number}", make_bundle(f"web-{number}", own))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(collect, range(24)))

    with open_store(database, environ={}) as store:
        assert counts(store)["host"] == 24
        assert counts(store)["item"] == len(CHECKS["files"]) + 1 + 24


def make_older(store: Store) -> None:
    """The store as the first release made it: fewer tables, fewer columns."""
    with store.write() as connection:
        for table in (schema.trusted, schema.trust_finding, schema.event):
            table.drop(connection)
        for name, column in (
            ("host", "max_age"),
            ("host", "retired_at"),
            ("host", "absent_since"),
            ("snapshot", "digest"),
        ):
            connection.exec_driver_sql(f"ALTER TABLE {name} DROP COLUMN {column}")
        connection.execute(sa.update(schema.meta).values(value="1"))


def test_a_store_of_an_older_release_is_taken_over_with_all_that_is_in_it(database: str) -> None:
    with open_store(database, environ={}) as store:
        take(store, "web-1", make_bundle("web-1", CHECKS))
        before = counts(store)
        make_older(store)

    with open_store(database, environ={}) as store:
        assert counts(store) == {**before, "trusted": 0}
        assert take(store, "web-1", make_bundle("web-1", CHECKS, run=2)).moved is False
        with store.read() as connection:
            assert (roster.hosts(connection)[0].max_age, roster.hosts(connection)[0].sequence) == (None, 1)


def test_the_file_is_private_even_if_it_was_not(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "fleet.sqlite"
    with open_store(f"sqlite:///{path}", environ={}):
        pass
    os.chmod(path, 0o644)
    with open_store(f"sqlite:///{path}", environ={}):
        pass

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE cookies (id)")
    connection.close()


def newer(path: Path) -> None:
    with open_store(f"sqlite:///{path}", environ={}) as store, store.write() as connection:
        connection.execute(sa.update(schema.meta).values(value=str(schema.VERSION + 1)))


def damaged(path: Path) -> None:
    with open_store(f"sqlite:///{path}", environ={}):
        pass
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * 3996
    path.write_bytes(content)


BROKEN: Dict[str, Tuple[Any, str]] = {
    "another program's": (foreign, "belongs to another program; name another one"),
    "from a newer release": (newer, f"this controller knows {schema.VERSION}: upgrade the controller"),
    "no database": (lambda path: path.write_bytes(b"hello" * 1000), "is no SQLite file; name another one"),
    "damaged": (damaged, "is damaged; restore a backup, or move it away and collect again"),
    "a directory": (lambda path: path.mkdir(), "it is no regular file; choose another place"),
}


@pytest.mark.parametrize(("breaking", "sentence"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_no_store_is_named_with_a_remedy(tmp_path: Path, breaking: Any, sentence: str) -> None:
    path = tmp_path / "fleet.sqlite"
    breaking(path)

    with pytest.raises(StoreError) as refused, open_store(f"sqlite:///{path}", environ={}):
        pass

    assert str(refused.value).startswith(f"store {path}: ")
    assert sentence in str(refused.value)


def test_the_default_place(tmp_path: Path) -> None:
    assert str(locate(None, environ={"HOME": "/home/anna"})) == "/home/anna/.local/share/vps-sentry/fleet.sqlite"
    assert str(locate(None, environ={"XDG_DATA_HOME": "/data"})) == "/data/vps-sentry/fleet.sqlite"


@pytest.mark.parametrize("said", ["true", "1", "woodpecker"])
def test_in_ci_the_store_must_be_named(said: str, tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("sqlite:////srv/fleet.sqlite\n")
    secret.chmod(0o600)
    environ = {"CI": said, "HOME": "/home/anna"}

    with pytest.raises(StoreError, match=r"--store URL.* -e vps_sentry_store=URL.* VPS_SENTRY_STORE_FILE"):
        locate(None, environ=environ)
    assert locate("sqlite:////srv/fleet.sqlite", environ=environ).path == Path("/srv/fleet.sqlite")
    assert locate(None, environ={**environ, "VPS_SENTRY_STORE_FILE": str(secret)}).path == Path("/srv/fleet.sqlite")


@pytest.mark.parametrize("said", ["", "false", "0"])
def test_ci_that_is_said_not_to_be_is_none(said: str) -> None:
    assert locate(None, environ={"CI": said, "XDG_DATA_HOME": "/data"}).path == Path("/data/vps-sentry/fleet.sqlite")


def test_a_store_file_names_the_store_and_must_be_private(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("sqlite:////srv/fleet.sqlite\n")
    secret.chmod(0o600)
    environ = {"VPS_SENTRY_STORE_FILE": str(secret)}
    assert locate(None, environ=environ).path == Path("/srv/fleet.sqlite")

    secret.chmod(0o644)
    with pytest.raises(StoreError, match="chmod 600"):
        locate(None, environ=environ)


URLS = {
    "a path": ("/srv/fleet.sqlite", "named by a URL"),
    "in memory": ("sqlite://", "a store is sqlite:////PATH or postgresql+psycopg://USER@HOST/DATABASE"),
    "another engine": ("mysql://db/fleet", "a store is sqlite:////PATH or postgresql+psycopg://USER@HOST/DATABASE"),
    "a password": ("postgresql+psycopg://anna:geheim@db/fleet", "a password in the store's URL is visible"),
    "a password behind": ("postgresql+psycopg://anna@db/fleet?password=geheim", "in the store's URL is visible"),
    "a server nobody proved": ("postgresql+psycopg://anna@db/fleet", "must end in ?sslmode=verify-full"),
    "two servers": ("postgresql+psycopg:///fleet?host=a&host=b", "name one host"),
}


@pytest.mark.parametrize(("url", "sentence"), URLS.values(), ids=URLS)
def test_a_url_that_cannot_be_used(url: str, sentence: str) -> None:
    with pytest.raises(StoreError) as refused:
        locate(url, environ={})

    assert sentence in str(refused.value)
    assert "geheim" not in str(refused.value)
