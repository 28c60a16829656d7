# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundle: digest first, both axes, nothing but the fixed question answered."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Tuple

import pytest
from support.runs import MACHINE, World
from vps_sentry import handout, observations
from vps_sentry.core import bundle, codec, digest
from vps_sentry.core.model import Voucher
from vps_sentry.errors import ConfigError, StoreError
from vps_sentry.host import Host

NONCE = "0123456789abcdef" * 2


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    return World(tmp_path, items={f"/etc/{number}": {"n": number} for number in range(200)})


def build(world: World, have: Tuple[str, ...] = ()) -> Dict[str, Any]:
    source = handout.Source(Host(str(world.path / "root")), ("things",), "sha256:" + "a" * 64)
    request = bundle.Request(schema=1, nonce=NONCE, have=have)
    return handout.build(world.store, source, request=request)


def test_without_a_run_there_is_no_bundle(world: World) -> None:
    with pytest.raises(StoreError, match="holds no run yet; take one with: sudo vps-sentry"):
        build(world)


def test_everything_in_it_fits_its_digests(world: World) -> None:
    world.accept()
    world.items["/etc/7"] = {"n": 0}
    world.run()
    found = codec.decode(bundle.Bundle, json.loads(json.dumps(build(world))))

    assert (MACHINE, "web-1", NONCE, 2) == (found.machine_id, found.host, found.nonce, found.run)
    assert all(name == digest.digest([list(pair) for pair in bucket]) for name, bucket in found.buckets.items())
    assert digest.root_of(found.checks["things"].buckets) == found.checks["things"].root
    assert digest.total({"things": found.baseline.checks["things"].root}) == found.baseline.digest
    assert set(found.checks["things"].buckets) | set(found.baseline.checks["things"].buckets) == set(found.buckets)


def test_equal_buckets_travel_once_and_known_ones_not_at_all(world: World) -> None:
    world.accept()
    everything = build(world)
    known = tuple(name.split(":")[1][:16] for name in everything["buckets"])
    assert {} == build(world, known)["buckets"]

    world.items["/etc/7"] = {"n": 0}
    world.run()
    moved = build(world, known)["buckets"]
    assert 1 == len(moved)
    assert ["/etc/7", {"n": 0}] in next(iter(moved.values()))


def vouching(world: World) -> None:
    """The check says who did two changes: one an upgrade explains, one a package merely brought."""
    seen = observations.load(world.store, "things")
    assert seen is not None
    vouchers = (
        Voucher("files", "/usr/sbin/nginx", digest.digest({"n": 1}), "nginx:amd64", "explained"),
        Voucher("files", "/usr/bin/evil", digest.digest({"n": 2}), "evil:amd64", "brought"),
    )
    observations.save(world.store, "things", observation=replace(seen, vouchers=vouchers))


def test_what_an_upgrade_explains_travels_as_buckets_do(world: World) -> None:
    world.run()
    assert build(world)["vouched"] is None

    vouching(world)
    found = build(world)
    told = [item for name in found["vouched"]["buckets"] for item in found["buckets"][name]]
    known = tuple(name.split(":")[1][:16] for name in found["buckets"])

    assert told == [["files /usr/sbin/nginx", {"value": digest.digest({"n": 1}), "package": "nginx:amd64"}]]
    assert digest.root_of(tuple(found["vouched"]["buckets"])) == found["vouched"]["root"]
    assert build(world, known)["buckets"] == {}


def test_each_header_names_the_one_before(world: World) -> None:
    world.run()
    first = build(world)
    world.run()
    second = build(world)

    assert first["prev"] is None
    assert (second["run"], len(second["prev"])) == (2, 71)


def test_a_failed_check_has_a_reason_and_no_buckets(world: World) -> None:
    world.failing = "gone"
    world.run()
    header = build(world)["checks"]["things"]

    assert {"status": "failed", "error": "gone", "root": None, "buckets": []} == header


REFUSED = [
    pytest.param(b"{", "not usable", id="no JSON"),
    pytest.param(b'{"schema":2,"nonce":"%s"}' % NONCE.encode(), "upgrade the agent", id="a later schema"),
    pytest.param(b'{"schema":1,"nonce":"%s"}' % NONCE.upper().encode(), "lower-case hex", id="nonce in capitals"),
    pytest.param(b'{"schema":1,"nonce":"x"}', "lower-case hex", id="short nonce"),
    pytest.param(b'{"schema":1,"nonce":"%s","have":["../x"]}' % NONCE.encode(), "lower-case hex", id="no digest"),
    pytest.param(b'{"schema":1,"nonce":"%s","accept":true}' % NONCE.encode(), "unknown key", id="it can only read"),
    pytest.param(b" " * 300_000 + b"{}", "larger than", id="too long"),
]


@pytest.mark.parametrize(("data", "problem"), REFUSED)
def test_a_wrong_question_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        handout.read_request(data)


def test_no_question_means_everything() -> None:
    assert handout.read_request(b"\n") is None


def test_it_waits_for_a_run_that_writes_and_answers_in_spite_of_one_that_never_ends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.run()
    events = []

    def write() -> None:
        with world.store.lock():
            held.set()
            time.sleep(0.3)
            events.append("written")

    held = threading.Event()
    thread = threading.Thread(target=write)
    thread.start()
    held.wait(10)
    build(world)
    events.append("read")
    thread.join()
    assert events == ["written", "read"]

    monkeypatch.setattr(handout, "PATIENCE", 0.1)
    with world.store.lock():
        assert build(world)["run"] == 1
