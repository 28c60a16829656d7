# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison: votes, quorum and outliers; equal to brute force on random fleets; cheap where nothing drifts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Mapping, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import ballots, ingest, roster, shared
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.grouping import Group, group
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store, open_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.survey import Left, Options, Survey, survey
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.verify import verify
from support.fleet import Items, file_items, make_bundle, many_paths, raw

Checks = Mapping[str, Items]
AT = "2026-11-02T12:00:30Z"
BASE = file_items(*many_paths(200))


def fill(store: Store, fleet: Mapping[str, Checks], *, cohort: str = "web", **header: Any) -> None:
    with store.write() as connection:
        for name, checks in fleet.items():
            bundle = verify(raw(make_bundle(name, checks, **header)), nonce=None, held={})
            ingest.ingest(connection, bundle, whose=ingest.Whose(name, cohort), at=AT)


def survey_of(path: Path, fleet: Mapping[str, Checks], **options: Any) -> Survey:
    with open_store(f"sqlite:///{path}/fleet.sqlite", environ={}) as store:
        fill(store, fleet)
        with store.read() as connection:
            return survey(connection, at=AT, options=Options(**options))


def without(key: str) -> Items:
    return {name: value for name, value in BASE.items() if name != key}


def changed(key: str, **fields: Any) -> Items:
    return {**BASE, key: {**BASE.get(key, {"type": "file"}), **fields}}


def fleet_of(same: int, *others: Items) -> Dict[str, Checks]:
    """``same`` hosts with BASE, then one host per entry of ``others``."""
    items: List[Items] = [*[BASE] * same, *others]
    return {f"web-{number}": {"files": entry} for number, entry in enumerate(items)}


AT = "2026-11-02T12:00:30Z"
KEY = "/etc/demo.d/00007.conf"
VOTES: Dict[str, Tuple[Dict[str, Checks], str, List[int], List[str]]] = {
    "one of two: nobody knows who": (fleet_of(1, without(KEY)), "no quorum", [1, 1], ["web-0", "web-1"]),
    "one of three is named": (fleet_of(2, without(KEY)), "no quorum", [2, 1], ["web-2"]),
    "3 of 4 is no strong consensus": (fleet_of(3, without(KEY)), "majority", [3, 1], ["web-3"]),
    "4 of 5 is strong": (fleet_of(4, changed(KEY, mode="4755")), "strong", [4, 1], ["web-4"]),
    "absent is the consensus": (fleet_of(4, changed("/etc/new")), "strong", [4, 1], ["web-4"]),
    "two against four": (fleet_of(4, without(KEY), without(KEY)), "majority", [4, 2], ["web-4", "web-5"]),
    "two against two": (fleet_of(2, without(KEY), without(KEY)), "split", [2, 2], ["web-0", "web-1", "web-2", "web-3"]),
    "plurality without majority": (
        fleet_of(2, without(KEY), changed(KEY, mode=0o755)),
        "split",
        [2, 1, 1],
        ["web-2", "web-3"],
    ),
}


@pytest.mark.parametrize(("fleet", "level", "votes", "outliers"), VOTES.values(), ids=VOTES)
def test_votes(tmp_path: Path, fleet: Dict[str, Checks], level: str, votes: List[int], outliers: List[str]) -> None:
    (finding,) = survey_of(tmp_path, fleet).findings

    assert finding.level == level
    assert [variant.votes for variant in finding.variants] == votes
    assert list(finding.outliers) == outliers


def test_equal_hosts_have_no_findings(tmp_path: Path) -> None:
    found = survey_of(tmp_path, fleet_of(5))

    assert (found.findings, found.exit_code, found.incomplete) == ((), 0, False)


EXITS: Dict[str, Tuple[Dict[str, Checks], int]] = {
    "drift": (fleet_of(4, without(KEY)), 2),
    "critical: a key that opens root": (fleet_of(4, changed("/root/.ssh/authorized_keys")), 3),
    "host-scoped items have no vote": (fleet_of(4, changed("/etc/ssh/ssh_host_rsa_key")), 0),
    "host name files": (fleet_of(4, changed("/etc/hostname"), changed("/etc/machine-id", size=9)), 0),
    "a check its peers have": ({**fleet_of(4), "web-9": {"ports": {}}}, 4),
}


@pytest.mark.parametrize(("fleet", "code"), EXITS.values(), ids=EXITS)
def test_exit_codes(tmp_path: Path, fleet: Dict[str, Checks], code: int) -> None:
    assert survey_of(tmp_path, fleet).exit_code == code


def test_a_failed_check_is_not_an_empty_list(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store:
        fill(store, fleet_of(4))
        fill(store, {"web-9": {}}, failed={"files": "cannot read /etc"})
        with store.read() as connection:
            found = survey(connection, at=AT)

    assert found.findings == ()
    assert found.unchecked == (roster.Problem("web-9", "files", "failed", "cannot read /etc"),)
    assert found.exit_code == 4


def test_a_missing_host_is_named_and_loses_its_vote_when_old(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store:
        fill(store, fleet_of(3, without(KEY)))
        found = []
        for _ in range(3):
            with store.write() as connection:
                roster.begin_attempt(connection, "web-3", cohort="web")
                roster.end_attempt(connection, "web-3", outcome="unreachable", reason="no route", at=AT)
            with store.read() as connection:
                found.append(survey(connection, at=AT))

    assert [len(one.findings) for one in found] == [1, 1, 0]
    assert found[2].missing == (Left("web-3", "unreachable: no route", False),)
    assert found[2].left_out == (Left("web-3", "last bundle is 3 collects old, from 2026-11-02T12:00:30Z", False),)
    assert [one.exit_code for one in found] == [4, 4, 3]


def test_another_rule_set_is_not_comparable_and_no_noise(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store:
        fill(store, fleet_of(4))
        fill(store, {"web-9": {"files": without(KEY)}}, accepted={}, norm=2)
        with store.read() as connection:
            found = survey(connection, at=AT)

    assert found.findings == ()
    assert [one.reason for one in found.left_out] == [
        "not comparable: rule set 2 is not known here; upgrade the controller"
    ]
    assert found.exit_code == 4


def test_a_known_rule_set_that_its_cohort_does_not_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible_collections.vps_sentry.fleet.plugins.plugin_utils.survey.NORMS", {1, 2})
    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store:
        fill(store, fleet_of(4))
        fill(store, {"web-9": {"files": without(KEY)}}, accepted={}, norm=2)
        with store.read() as connection:
            found = survey(connection, at=AT)

    assert found.left_out == (Left("web-9", "not comparable: rule set 2, its cohort uses 1", False),)


def test_both_axes(tmp_path: Path) -> None:
    """What was there before the first acceptance differs on both axes, what came later on one."""
    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store:
        fill(store, fleet_of(4))
        fill(store, {"web-9": {"files": {**without(KEY), "/etc/late": {}}}}, accepted={"files": without(KEY)})
        with store.read() as connection:
            now, accepted = survey(connection, at=AT), survey(connection, at=AT, options=Options(axis="accepted"))

    assert [(finding.key, finding.changed) for finding in now.findings] == [(KEY, ()), ("/etc/late", ("web-9",))]
    assert [finding.key for finding in accepted.findings] == [KEY]


def test_cohorts_do_not_meet(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store:
        fill(store, fleet_of(4))
        fill(store, {"db-0": {"files": without(KEY)}, "db-1": {"files": without(KEY)}}, cohort="db")
        with store.read() as connection:
            found = survey(connection, at=AT)

    assert (found.findings, [cohort.quorum for cohort in found.cohorts]) == ((), [False, True])


def test_findings_with_the_same_outliers_are_told_together(tmp_path: Path) -> None:
    odd = {**without(KEY), "/etc/x": {}, "/etc/sudoers.d/x": {}}
    found = survey_of(tmp_path, fleet_of(5, odd, changed("/etc/z")))
    told = [(one.severity, one.hosts, [finding.key for finding in one.findings]) for one in group(found.findings)]

    assert told == [
        ("critical", ("web-5",), ["/etc/sudoers.d/x"]),
        ("warning", ("web-5",), [KEY, "/etc/x"]),
        ("warning", ("web-6",), ["/etc/z"]),
    ]
    assert all(isinstance(one, Group) for one in group(found.findings))


def test_four_voters_of_a_large_cohort_are_no_quorum(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store:
        fill(store, fleet_of(4, without(KEY)))
        fill(store, {f"down-{number}": {} for number in range(4)}, failed={"files": "cannot read /etc"})
        with store.read() as connection:
            (finding,) = survey(connection, at=AT).findings

    assert finding.level == "no quorum"


def test_a_host_cannot_leave_the_vote_by_skipping_a_check(tmp_path: Path) -> None:
    leaver = make_bundle("web-9", {"ports": {}})
    leaver["checks"]["files"] = {"status": "skipped", "error": "disabled", "root": None, "buckets": []}
    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store:
        fill(store, fleet_of(4))
        with store.write() as connection:
            bundle = verify(raw(leaver), nonce=None, held={})
            ingest.ingest(connection, bundle, whose=ingest.Whose("web-9", "web"), at=AT)
        with store.read() as connection:
            found = survey(connection, at=AT)

    told = [(one.host, one.status) for one in found.unchecked if one.check == "files"]
    assert [("web-9", "withheld")] == told
    assert found.incomplete


def test_a_controller_with_other_rules_makes_the_comparison_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is compared between hosts is kept with each bucket; the rules that decide it are the controller's."""
    fleet = fleet_of(4, changed("/etc/hostname"), changed("/etc/motd"))
    before = [finding.key for finding in survey_of(tmp_path, fleet).findings]
    monkeypatch.setattr(shared, "VERSION", 0)
    for module in (shared, ballots):
        monkeypatch.setattr(module, "scope", lambda _check, key: "host" if key == "/etc/motd" else "shared")
    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store, store.read() as connection:
        after = [finding.key for finding in survey(connection, at=AT).findings]

    assert (before, after) == (["/etc/motd"], ["/etc/hostname"])


REFERENCES = [
    pytest.param(frozenset({"web-4"}), ["web-0", "web-1", "web-2", "web-3"], id="the reference is right"),
    pytest.param(frozenset({"web-0"}), ["web-4"], id="as the others say"),
    pytest.param(frozenset({"db-7"}), ["web-4"], id="a reference of another cohort"),
]


@pytest.mark.parametrize(("references", "outliers"), REFERENCES)
def test_a_reference_host_outweighs_the_votes(tmp_path: Path, references: FrozenSet[str], outliers: List[str]) -> None:
    (finding,) = survey_of(tmp_path, fleet_of(4, without(KEY)), references=references).findings

    assert list(finding.outliers) == outliers
