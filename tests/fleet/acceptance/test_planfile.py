# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan's file: what it shows is what it does, and whatever was edited afterwards is no plan any more."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import planfile
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.planfile import PlanError, PlanFile
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.core import codec
from support.plans import MOTD, STOLEN, candidate, plan


def test_a_plan_is_read_as_it_was_written_by_its_owner_alone(tmp_path: Path) -> None:
    written = plan()
    path = planfile.write(written, tmp_path)

    assert planfile.read(path) == written
    assert f"plan-{written.plan_id}.json" == path.name
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert [path] == list(tmp_path.iterdir())


def test_each_host_is_handed_its_own_part_only() -> None:
    found = plan()
    first, second = found.hosts
    manifest = planfile.manifest(found)
    order = planfile.order(found, first, signed=planfile.signed(found, None))

    assert order.leaf.name in manifest.leaves
    assert order.plan is not None
    assert order.plan.name == order.leaf.plan_digest == first.plan_digest
    assert second.name not in json.dumps(codec.encode(order))


def _document(found: PlanFile) -> Dict[str, Any]:
    document: Dict[str, Any] = codec.encode(found)
    return document


def _renamed(found: PlanFile) -> PlanFile:
    return planfile.named(found)


def _hide(found: PlanFile) -> PlanFile:
    """What a person would see no longer holds the key that one host would trust."""
    return _renamed(replace(found, groups=tuple(group for group in found.groups if group.severity != "critical")))


def _swap(found: PlanFile) -> PlanFile:
    """The value shown is another than the one accepted."""
    first, *rest = found.groups
    return _renamed(replace(found, groups=(replace(first, after={"sha256": "f" * 64}), *rest)))


def _twice(found: PlanFile) -> PlanFile:
    return _renamed(replace(found, hosts=(*found.hosts, found.hosts[0])))


def _shown_twice(found: PlanFile) -> PlanFile:
    return _renamed(replace(found, groups=(*found.groups, found.groups[0])))


def _items(found: PlanFile) -> PlanFile:
    first, *rest = found.hosts
    return _renamed(replace(found, hosts=(replace(first, items=()), *rest)))


BAD: Dict[str, tuple[Callable[[PlanFile], PlanFile], str]] = {
    "edited": (lambda p: replace(p, reason="something else"), "edited after it was made"),
    "a critical item hidden from the reader": (_hide, "what it shows is not what it does"),
    "another value shown": (_swap, "what it shows is not what it does"),
    "a group twice": (_shown_twice, "what it shows is not what it does"),
    "a host twice": (_twice, "names a host twice"),
    "items of a host replaced": (_items, "do not match their digest"),
    "of a newer controller": (lambda p: _renamed(replace(p, schema=2)), "schema 2 is not known"),
}


@pytest.mark.parametrize(("make", "reason"), BAD.values(), ids=BAD)
def test_what_was_tampered_with_is_refused(tmp_path: Path, make: Callable[[PlanFile], PlanFile], reason: str) -> None:
    found = plan(candidate("web-1", MOTD), candidate("web-2", MOTD, STOLEN), critical=True)
    path = planfile.write(make(found), tmp_path)

    with pytest.raises(PlanError, match=reason):
        planfile.read(path)


GARBAGE: Dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"hello",
    "a list": b"[]",
    "missing keys": b'{"schema":1}',
    "unknown key": json.dumps({**_document(plan()), "evil": 1}).encode(),
    "duplicate key": b'{"schema":1,"schema":2}',
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
def test_what_is_no_plan_says_how_to_make_one(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "plan-x.json"
    path.write_bytes(data)

    with pytest.raises(PlanError, match="make one with"):
        planfile.read(path)
    with pytest.raises(PlanError, match="cannot read"):
        planfile.read(tmp_path / "missing")
