# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log beside the store: what is removed or altered is found, and a lost store is made whole from it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Iterator

import pytest
import sqlalchemy as sa
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import schema
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import ledger, mirror, rebuild, signing
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.planfile import PlanError
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.signing import Signers
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.cli import main
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store, StoreError, open_store
from support.garden import Garden
from support.orders import Signer

NAMES = ("web-1", "web-2")


@pytest.fixture(name="garden")
def _garden(tmp_path: Path, store: Store) -> Garden:
    garden = Garden(tmp_path, store, *NAMES)
    garden.collect()
    plan = garden.plan()
    garden.apply(plan)
    garden.desk.recap(plan)
    return garden


def verify(garden: Garden, *words: str) -> int:
    return main(["audit", "verify", "--store", f"sqlite:///{garden.store.place.path}", *words])


def lines(garden: Garden) -> Path:
    path = mirror.place(garden.store)
    assert path is not None
    return path


@contextmanager
def fresh(tmp_path: Path) -> Iterator[sa.Connection]:
    """A store that knows nothing yet."""
    with open_store(f"sqlite:///{tmp_path}/new.sqlite", environ={}) as store, store.write() as connection:
        yield connection


def test_everything_that_happened_stands_in_it(garden: Garden, capsys: pytest.CaptureFixture[str]) -> None:
    told = [json.loads(line) for line in lines(garden).read_text().splitlines()]

    assert ["applying", "accepted", "active", "accepted", "active"] == [entry["what"] for entry in told]
    assert {"web-1", "web-2"} == set(told[0]["detail"]["hosts"])
    assert 0 == verify(garden)
    assert "5 entries, unbroken" in capsys.readouterr().out


@pytest.mark.parametrize("cut", [0, 1, 40, 300])
def test_lines_that_were_cut_off_are_completed(garden: Garden, cut: int) -> None:
    """A disk that was full, a machine that lost power."""
    path = lines(garden)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - cut])
    mirror.update(garden.store)

    assert whole == path.read_bytes()


def test_half_a_line_of_somebody_elses_is_not_written_over(garden: Garden) -> None:
    path = lines(garden)
    path.write_bytes(path.read_bytes() + b'{"at":"1970')

    with pytest.raises(StoreError, match="half a line"):
        mirror.update(garden.store)


def test_an_altered_store_is_found(garden: Garden, capsys: pytest.CaptureFixture[str]) -> None:
    with garden.store.write() as connection:
        connection.execute(schema.audit.update().where(schema.audit.c.n == 1).values(who="mallory"))

    assert 3 == verify(garden)
    assert "entry 1" in capsys.readouterr().out


def test_a_rewritten_store_contradicts_the_lines_and_a_head_told_before(
    garden: Garden, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever rewrites the whole chain has a chain that holds, and heads that others remember."""
    head = mirror.read(lines(garden))[-1].head
    with garden.store.write() as connection:
        connection.execute(schema.audit.delete().where(schema.audit.c.n > 3))

    assert 3 == verify(garden, "--head", head)
    said = capsys.readouterr().out
    assert "2 entries more than the store" in said
    assert "is not in this log" in said


def test_a_lost_store_is_rebuilt_and_doubts_what_happened_meanwhile(garden: Garden, tmp_path: Path) -> None:
    entries = mirror.read(lines(garden))
    garden.hosts["web-2"].items["evil"] = {"n": 1}
    garden.hosts["web-2"].accept()
    with open_store(f"sqlite:///{tmp_path}/other.sqlite", environ={}) as other:
        garden.store = other
        garden.collect()
        assert [] == garden.doubts()
        with other.write() as connection:
            assert (5, 2) == rebuild.rebuild(connection, entries)
        garden.collect()

        assert {"web-1": "active", "web-2": "active"} == garden.states()
        assert [("web-2", "local_accept")] == garden.doubts()
        with other.write() as connection:
            assert (0, 0) == rebuild.rebuild(connection, entries)


def test_what_is_no_log_is_refused(garden: Garden, tmp_path: Path) -> None:
    entries = mirror.read(lines(garden))
    altered = [*entries[:2], replace(entries[2], who="mallory"), *entries[3:]]
    with fresh(tmp_path) as connection, pytest.raises(PlanError, match="not whole"):
        rebuild.rebuild(connection, altered)
    other = replace(entries[0], who="another store's")
    with garden.store.write() as connection, pytest.raises(PlanError, match="log of its own"):
        rebuild.rebuild(connection, [other])
    torn = tmp_path / "torn"
    torn.write_text(lines(garden).read_text()[:-20])
    with pytest.raises(PlanError, match="line 5"):
        mirror.read(torn)


def test_a_signed_fleet_rebuilds_from_signed_plans_only(garden: Garden, tmp_path: Path) -> None:
    anna = Signer.make(tmp_path, "anna@example.org")
    allowed = tmp_path / "allowed_signers"
    allowed.write_text(anna.allowed())
    with fresh(tmp_path) as connection, pytest.raises(PlanError, match=r"entry 1: plan .* carries no signature"):
        rebuild.rebuild(connection, mirror.read(lines(garden)), signers=Signers(allowed))

    garden.hosts["web-1"].items["a"] = {"n": 9}
    garden.collect()
    plan = garden.plan()
    signing.add(plan, signing.sign(garden.read(plan), anna.key))
    garden.apply(plan, signers=str(allowed))
    with garden.store.read() as connection:
        assert "anna@example.org (signed)" == ledger.rows(connection, plan_id=garden.read(plan).plan_id)[0].by
    garden.hosts["web-1"].items["a"] = {"n": 10}
    garden.collect()
    with pytest.raises(PlanError, match="plans of this fleet are signed"):
        garden.desk.begin(garden.plan(), {})
