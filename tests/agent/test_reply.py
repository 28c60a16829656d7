# SPDX-License-Identifier: GPL-3.0-or-later
"""The short way to a bundle: the same bytes as the long one, and never once anything moved."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Optional

import pytest
from support.runs import World
from vps_sentry import handout, observations, reply
from vps_sentry.core import bundle, canonical
from vps_sentry.core.model import Voucher
from vps_sentry.host import Host
from vps_sentry.tick import record

NONCE = "0123456789abcdef" * 2


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> World:
    made = World(tmp_path, items={f"/etc/{number}": {"n": number} for number in range(200)})
    made.accept()
    made.items["/etc/7"] = {"n": 0}
    made.run()
    return made


class Reader:
    """A controller that asks for the bundle of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.footing = world.path / "MANIFEST"
        self.footing.write_text("release 1\n")
        self.have = [name[7:23] for name in self.long()["buckets"]]

    def long(self, **asked: Any) -> Dict[str, Any]:
        """The answer made of all items."""
        source = handout.Source(Host("/"), ("things",), None, footing=str(self.footing))
        request = bundle.Request(schema=1, nonce=NONCE, have=tuple(asked.get("have", ())))
        return handout.build(self._world.store, source, request=request)

    def line(self) -> bytes:
        """The request as controllers write it."""
        return json.dumps({"schema": 1, "nonce": NONCE, "have": self.have}).encode() + b"\n"

    def short(self, line: Optional[bytes] = None) -> Optional[bytes]:
        """The answer from the header, None where there is none."""
        asked = self.line() if line is None else line
        return reply.answer(asked, state=str(self._world.store.path), footing=str(self.footing))


@pytest.fixture(name="reader")
def _reader(world: World) -> Reader:
    return Reader(world)


def test_the_same_bytes(reader: Reader) -> None:
    assert reader.short() == canonical.dumps(reader.long(have=reader.have)) + b"\n"


def test_a_reader_without_what_is_vouched_for_gets_it_by_the_long_way(world: World, reader: Reader) -> None:
    seen = observations.load(world.store, "things")
    assert seen is not None
    said = Voucher("files", "/usr/sbin/nginx", "sha256:" + "0" * 64, "nginx:amd64", "explained")
    observations.save(world.store, "things", observation=replace(seen, vouchers=(said,)))
    found = reader.long()

    assert reader.short() is None
    reader.have = [name[7:23] for name in found["buckets"]]
    assert reader.short() == canonical.dumps(reader.long(have=reader.have)) + b"\n"


def test_a_quiet_tick_shows_in_time_and_run(world: World, reader: Reader) -> None:
    before = json.loads(reader.short() or b"")
    beat = world.store.read("heartbeat") or b""
    later = beat.replace(beat[:20], b"2099-01-01T00:00:00Z").replace(b"run=2", b"run=9")
    world.store.write("heartbeat", later)
    after = json.loads(reader.short() or b"")

    assert (after["time"], after["run"]) == ("2099-01-01T00:00:00Z", 9)
    assert {**after, "time": "", "run": 0} == {**before, "time": "", "run": 0}
    assert canonical.dumps(after) == canonical.dumps(reader.long(have=reader.have))


def _flipped(world: World) -> bytes:
    """The header with its last bit turned over: marshal would read it, the seal does not let it."""
    found = world.store.read(reply.NAME) or b""
    return found[:-1] + bytes([found[-1] ^ 1])


MOVES: Dict[str, Callable[[World, Reader], object]] = {
    "a run": lambda world, reader: world.run(),
    "an acceptance": lambda world, reader: world.accept(),
    "an alert's state": lambda world, reader: world.store.write("last.json", world.store.read("last.json") or b""),
    "the baseline is gone": lambda world, reader: world.store.remove("baseline.json"),
    "another release": lambda world, reader: reader.footing.write_text("release 2, which is longer\n"),
    "the header is damaged": lambda world, reader: world.store.write(reply.NAME, b"damaged"),
    "a bit of the header is another": lambda world, reader: world.store.write(reply.NAME, _flipped(world)),
    "the header is something else": lambda world, reader: world.store.write(reply.NAME, record.sealed(())),
    "no heartbeat": lambda world, reader: world.store.remove("heartbeat"),
    "half a heartbeat": lambda world, reader: world.store.write("heartbeat", b"2026-"),
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_what_moved_is_told_the_long_way(move: Callable[[World, Reader], object], world: World, reader: Reader) -> None:
    assert reader.short() is not None
    move(world, reader)
    assert reader.short() is None


LINES = {
    "no question": b"",
    "no JSON": b"hello\n",
    "nothing held": b'{"schema":1,"nonce":"%s","have":[]}\n' % NONCE.encode(),
    "another schema": b'{"schema":2,"nonce":"%s","have":[]}\n' % NONCE.encode(),
    "a short nonce": b'{"schema":1,"nonce":"ab","have":[]}\n',
    "a list": b"[]\n",
    "have is no list": b'{"schema":1,"nonce":"%s","have":7}\n' % NONCE.encode(),
    "a long line": b" " * (reply.REQUEST_LIMIT + 1),
}
SPELLINGS: Dict[str, Callable[[bytes], bytes]] = {
    "no end": lambda usual: usual[:-1],
    "something behind it": lambda usual: usual + b"{}",
    "a quote in the nonce": lambda usual: usual.replace(NONCE.encode(), b'"' * 32),
    "capitals in the nonce": lambda usual: usual.replace(NONCE.encode(), NONCE.upper().encode()),
    "another order": lambda usual: usual.replace(b'{"schema": 1, "nonce"', b'{"nonce"'),
    "one key more": lambda usual: usual.replace(b"]}", b'], "more": 1}'),
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_any_other_question_is_judged_the_long_way(line: bytes, reader: Reader) -> None:
    assert reader.short(line) is None


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_a_request_that_is_spelled_otherwise_is_judged_the_long_way(
    spell: Callable[[bytes], bytes], reader: Reader
) -> None:
    usual = reader.line()
    assert reader.short(usual) is not None
    assert reader.short(spell(usual)) is None


def test_texts_that_look_like_the_fields_filled_in_do_no_harm(world: World, reader: Reader) -> None:
    document = json.loads(world.store.read("last.json") or b"")
    alert = {**document["alerts"][0], "before": {"nonce": None, "run": 7, "time": "2026-01-01T00:00:00Z"}}
    world.store.write("last.json", json.dumps({**document, "alerts": [alert]}).encode())
    assert reader.long(have=reader.have)["alerts"][0]["before"]["run"] == 7
    assert reader.short() == canonical.dumps(reader.long(have=reader.have)) + b"\n"


def test_one_bucket_not_held_is_enough(reader: Reader) -> None:
    reader.have.pop()
    assert reader.short() is None
