# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison equals brute force on any fleet, and opens only the buckets on which hosts do not agree."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Optional

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import ballots, ingest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils._libraries import sa
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.compare import Finding
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store, open_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.survey import Options, survey
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.verify import verify
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.doubts import doubt
from support.fleet import file_items, make_bundle, many_paths, raw

from .oracle import Host, brute_force

AT = "2026-11-02T12:00:30Z"
# Host-scoped and critical ones among them, escaped and foreign ones, and two that share a bucket with many others.
KEYS = [*many_paths(90), "/etc/hostname", "/etc/ssh/ssh_host_rsa_key", "/root/.ssh/authorized_keys", "/é", "text:/a"]
CHECKS = ("files", "mounts", "system")


def take(store: Store, fleet: Dict[str, Host], *, cohort: str = "web", doubted: FrozenSet[str] = frozenset()) -> None:
    """``doubted`` hosts are not believed."""
    with store.write() as connection:
        for name, host in fleet.items():
            document = make_bundle(name, host.now, accepted=host.accepted or {})
            bundle = verify(raw(document), nonce=None, held={})
            ingest.ingest(connection, bundle, whose=ingest.Whose(name, cohort), at=AT)
        doubt(connection, doubted, at=AT)


@st.composite
def drifted(draw: st.DrawFn) -> Dict[str, Dict[str, Dict[str, Any]]]:
    """A host's checks: all it has in common with the others, less and more a few items; now and then a check fewer."""
    checks: Dict[str, Dict[str, Dict[str, Any]]] = {}
    for check in CHECKS:
        if draw(st.integers(0, 9)):
            items: Dict[str, Dict[str, Any]] = {key: {"v": 0} for key in KEYS}
            for key in draw(st.lists(st.sampled_from(KEYS), max_size=3)):
                items.pop(key, None)
            for key in draw(st.lists(st.sampled_from([*KEYS[80:], "/etc/new"]), max_size=3)):
                items[key] = {"v": draw(st.integers(1, 2))}
            checks[check] = items
    return checks


@st.composite
def hosts(draw: st.DrawFn) -> Dict[str, Host]:
    """Up to nine hosts; many are equal, as hosts of a fleet are."""
    kinds = draw(st.lists(drifted(), min_size=1, max_size=4))
    fleet = {}
    for number in range(draw(st.integers(1, 9))):
        now, then = (draw(st.sampled_from(kinds)) for _ in range(2))
        fleet[f"web-{number}"] = Host(now, draw(st.sampled_from([None, now, now, then])) or None)
    return fleet


def bare(finding: Finding) -> Finding:
    """Without what explains it, which is another test's business."""
    return replace(finding, explanation="none", reasons=(), rank=0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    fleet=hosts(),
    reference=st.sampled_from([None, "web-0"]),
    doubted=st.one_of(st.just(frozenset[str]()), st.frozensets(st.sampled_from([f"web-{n}" for n in range(9)]))),
)
def test_equal_to_brute_force(fleet: Dict[str, Host], reference: Optional[str], doubted: FrozenSet[str]) -> None:
    references = frozenset() if reference is None else frozenset({reference})
    with tempfile.TemporaryDirectory() as folder, open_store(f"sqlite:///{folder}/f.sqlite", environ={}) as store:
        take(store, fleet, doubted=doubted)
        with store.read() as connection:
            found = survey(connection, at=AT, options=Options(references=references)).findings

    assert [bare(finding) for finding in found] == brute_force("web", fleet, reference=reference, guests=doubted)


BASE = file_items(*many_paths(200))
KEY = "/etc/demo.d/00007.conf"


def opened(monkeypatch: pytest.MonkeyPatch, path: Path, fleet: Dict[str, Host]) -> List[int]:
    """How many pairs of buckets the comparison opens: between hosts, then between each host and its baseline."""
    counts: List[int] = []
    real = ballots._diffs

    def counting(connection: sa.Connection, pairs: Any) -> Any:
        counts.append(len(pairs))
        return real(connection, pairs)

    monkeypatch.setattr(ballots, "_diffs", counting)
    with open_store(f"sqlite:///{path}/fleet.sqlite", environ={}) as store:
        take(store, fleet)
        with store.read() as connection:
            survey(connection, at=AT)
    return counts


def test_buckets_on_which_all_agree_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = {"files": {key: value for key, value in BASE.items() if key != KEY}}
    fleet = {f"web-{number}": Host({"files": BASE}, {"files": BASE}) for number in range(9)}

    assert opened(monkeypatch, tmp_path, {**fleet, "web-9": Host(odd, {"files": BASE})}) == [1, 1]


def test_what_is_each_hosts_own_opens_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every host has host keys of its own; a fleet without drift must not pay for them."""
    fleet = {}
    for number in range(9):
        own = file_items("/etc/ssh/ssh_host_rsa_key", "/etc/hostname", "/etc/machine-id", size=number)
        items = {"files": {**BASE, **own}, "mounts": {"/": {"flags": str(number)}}}
        fleet[f"web-{number}"] = Host(items, items)

    assert opened(monkeypatch, tmp_path, fleet) == [0, 0]
