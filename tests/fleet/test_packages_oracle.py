# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison that packages explain hides nothing: held against brute force on any fleet, whatever hosts say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Mapping, Optional, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.compare import Finding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vps_sentry.core import digest
from vps_sentry.core.model import Voucher

from .oracle import Host, brute_force
from .test_packages import KEYS, Checks, Seen, surveyed

SOME = ("/usr/bin/a", "/usr/bin/b", "/etc/c.conf", KEYS)
OWNERS = {"/usr/bin/a": "a:amd64", "/usr/bin/b": "b:amd64", "/etc/c.conf": "a:amd64", KEYS: "b:amd64"}


@st.composite
def states(draw: st.DrawFn) -> Checks:
    values = st.integers(0, 2)
    return {
        "files": {path: {"type": "file", "v": draw(values)} for path in SOME},
        "packages": {
            name: {"version": str(draw(values)), "lists": str(draw(st.integers(0, 1)))}
            for name in ("a:amd64", "b:amd64")
        },
    }


@st.composite
def fleets(draw: st.DrawFn) -> Dict[str, Seen]:
    """Hosts of which some vouch for what they have, some for what others have, some for nothing."""
    kinds = draw(st.lists(states(), min_size=1, max_size=4))
    fleet = {}
    for number in range(draw(st.integers(1, 8))):
        now, accepted, claimed = (draw(st.sampled_from(kinds)) for _ in range(3))
        said = draw(st.sampled_from([now, now, claimed]))
        given_ = tuple(
            Voucher(check, key, digest.digest(value), OWNERS.get(key, key), "explained")
            for check, items in said.items()
            for key, value in items.items()
            if draw(st.integers(0, 5))
        )
        fleet[f"web-{number}"] = Seen(Host(now, draw(st.sampled_from([accepted, accepted, None]))), given_)
    return fleet


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(fleet=fleets())
def test_the_explained_comparison_hides_nothing(
    tmp_path_factory: pytest.TempPathFactory, fleet: Dict[str, Seen]
) -> None:
    """Every difference of the oracle is there; one that is folded is counted, and each of its hosts has grounds."""
    found = surveyed(tmp_path_factory.mktemp("fleet"), fleet)
    bare = [replace(one, explanation="none", reasons=(), rank=0, explains=()) for one in found.findings]
    assert bare == brute_force("web", {name: one.host for name, one in fleet.items()})

    counted = {(one.check, one.key) for finding in found.open for one in finding.explains}
    for finding in found.findings:
        folded = finding.explanation == "package"
        assert folded == ((finding.check, finding.key) in counted)
        for reason in finding.reasons:
            if reason.package:
                assert all(has_grounds(fleet, finding, host, reason.package) for host in reason.hosts)
        if folded:
            assert finding.check != "packages"
            assert finding.key != KEYS
            assert {host for reason in finding.reasons for host in reason.hosts} == set(finding.subjects)


def has_grounds(fleet: Mapping[str, Seen], finding: Finding, host: str, package: str) -> bool:
    """By brute force: it was upgraded and says so of this very value, or it is where such a host came from."""
    place, own = (finding.check, finding.key), ("packages", package)
    if was_upgraded(fleet, host, place, own):
        return True
    here = fleet[host].host
    return any(
        was_upgraded(fleet, other, place, own)
        and value(fleet[other].host.accepted, place) == value(here.now, place)
        and value(fleet[other].host.accepted, own) == value(here.now, own)
        for other in fleet
    )


def was_upgraded(fleet: Mapping[str, Seen], name: str, place: Tuple[str, str], own: Tuple[str, str]) -> bool:
    host, said = fleet[name].host, {(v.check, v.key, v.value, v.package) for v in fleet[name].vouchers}
    new = value(host.now, own)
    same = [value(one.host.now, own) for one in fleet.values()]
    lists = [item["lists"] for item in same if item and new and item["version"] == new["version"]]
    others = [lists.count(one) for one in set(lists) if new and one != new["lists"]]
    return (
        host.accepted is not None
        and all(value(host.now, one) != value(host.accepted, one) for one in (place, own))
        and all((*one, digest.digest(value(host.now, one)), own[1]) in said for one in (place, own))
        and new is not None
        and all(lists.count(new["lists"]) > other for other in others)
    )


def value(checks: Optional[Mapping[str, Any]], place: Tuple[str, str]) -> Any:
    return (checks or {}).get(place[0], {}).get(place[1])
