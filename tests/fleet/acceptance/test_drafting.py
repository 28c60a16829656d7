# SPDX-License-Identifier: GPL-3.0-or-later
"""Drafting: exactly what is meant, grouped over hosts, criticals only when named, the rest said with its reason."""

from __future__ import annotations

from typing import List, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import guards, selection
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.drafting import consensus, draft
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.planfile import PlanError, PlanFile
from support.plans import CRON, KEY, MOTD, STOLEN, candidate, difference, order, plan, text


def shown(found: PlanFile) -> List[Tuple[str, str, Tuple[str, ...]]]:
    return [(group.severity, group.key, group.hosts) for group in found.groups]


def test_the_same_change_stands_once_with_its_hosts() -> None:
    found = plan()

    assert [
        ("warning", "/etc/motd", ("web-2",)),
        ("warning", "/opt/app/run", ("web-1", "web-2")),
    ] == shown(found)
    assert (3, 0) == (found.items, found.critical)


def test_critical_items_are_planned_only_when_named() -> None:
    host = candidate("web-1", STOLEN, MOTD)
    kept = draft(order(), [host])
    assert [("warning", "/etc/motd", ("web-1",))] == shown(kept)
    assert [("web-1", "files", KEY)] == [(one.host, one.check, one.key) for one in kept.withheld]

    for named in (order(f"files:{KEY}"), order("files"), order(critical=True)):
        assert ("critical", KEY, ("web-1",)) == shown(draft(named, [host]))[0]


def test_the_first_acceptance_reviews_everything_criticals_first() -> None:
    found = draft(order(), [candidate("web-1", MOTD, STOLEN, sequence=0)])

    assert ["critical", "warning"] == [group.severity for group in found.groups]
    assert 1 == found.critical


def test_a_host_that_is_not_fit_is_named_with_the_reason_and_gets_nothing() -> None:
    found = draft(order(), [candidate("web-1", MOTD), candidate("web-2", MOTD, unfit="never collected")])

    assert ["web-1"] == [host.name for host in found.hosts]
    assert [("web-2", "never collected")] == [(one.host, one.reason) for one in found.withheld]


def test_selectors() -> None:
    nginx = difference("/usr/sbin/nginx", text(sha256="4" * 64), explanation="package:nginx")
    port = difference("tcp:443:wildcard", text(exe="/usr/sbin/nginx"), check="ports")
    played = difference("/etc/motd", text(sha256="5" * 64), explanation="change-record:site.yml")
    host = candidate("web-1", nginx, port, played)

    def keys(*only: str) -> List[str]:
        return [group.key for group in draft(order(*only), [host]).groups]

    assert ["/usr/sbin/nginx"] == keys("package:nginx")
    assert ["/usr/sbin/nginx"] == keys("package:ngi*")
    assert [] == keys("package:bash")
    assert ["/etc/motd"] == keys("change-record")
    assert ["tcp:443:wildcard"] == keys("ports")
    assert ["/etc/motd", "/usr/sbin/nginx"] == keys("files:/etc/*", "package:nginx")


@pytest.mark.parametrize("only", ["package", "package:", "change-record:x", "Ports", "a b", "files:", "", "../x"])
def test_a_selector_that_means_nothing_is_an_error(only: str) -> None:
    with pytest.raises(PlanError, match="only="):
        selection.parse([only])


def test_a_check_with_nothing_to_show_is_planned_too() -> None:
    host = candidate("web-1", new_checks=frozenset({"cron"}), sequence=0)

    assert (("cron", "", None, None),) == draft(order(), [host]).hosts[0].items
    assert () == draft(order("ports"), [host]).hosts
    assert () == draft(order("cron:x*"), [host]).hosts


def test_an_adopted_host_gets_what_its_cohort_accepted_and_nothing_else() -> None:
    usual = consensus({f"web-{n}": {("files", "/etc/motd"): text(sha256="2" * 64, type="file")} for n in range(4)})
    host = candidate("web-9", MOTD, CRON, STOLEN, sequence=0, consensus=usual)
    found = draft(order(), [host])

    assert ["/etc/motd"] == [group.key for group in found.groups]
    assert {"not what its cohort accepted"} == {one.reason for one in found.withheld}


def test_consensus_needs_four_hosts_and_four_fifths() -> None:
    place = ("files", "/etc/motd")
    assert {} == consensus({f"h{n}": {place: "a"} for n in range(3)})
    assert {place: "a"} == consensus({**{f"h{n}": {place: "a"} for n in range(4)}, "h5": {place: "b"}})
    assert {} == consensus({**{f"h{n}": {place: "a"} for n in range(4)}, "h5": {}, "h6": {}})


@pytest.mark.parametrize(
    ("hosts", "fleet", "maximum", "refused"),
    [
        (4, 4, None, False),
        (2, 5, None, False),
        (3, 5, None, True),
        (20, 200, None, False),
        (21, 200, None, True),
        (3, 5, "3", False),
        (3, 5, "60%", False),
        (4, 5, "60%", True),
        (4, 4, "3", True),
    ],
)
def test_one_plan_does_not_touch_too_many(hosts: int, fleet: int, maximum: str | None, refused: bool) -> None:
    found = draft(order(), [candidate(f"web-{n:03}", MOTD) for n in range(hosts)])
    said = guards.too_many(found, fleet=fleet, maximum=maximum)

    assert refused == (said is not None)
    assert said is None or f"max={hosts}" in said


def test_a_maximum_that_is_none_is_an_error() -> None:
    with pytest.raises(PlanError, match="max="):
        guards.too_many(plan(), fleet=10, maximum="many")


def test_canaries_are_one_host_of_each_cohort() -> None:
    hosts = [candidate(f"web-{n:02}", MOTD) for n in range(10)] + [candidate("db-1", MOTD, cohort="db")]
    cohorts = {host.name: host.cohort for host in hosts}
    found = draft(order(), hosts)

    assert ("db-1", "web-00") == guards.canaries(found, cohorts, asked=None)
    assert () == guards.canaries(found, cohorts, asked=False)
    few = draft(order(), hosts[:2])
    assert () == guards.canaries(few, cohorts, asked=None)
    assert ("web-00",) == guards.canaries(few, cohorts, asked=True)


def test_the_question_counts_what_is_critical() -> None:
    host = candidate("web-1", MOTD, STOLEN)

    assert "accept 2 items on 1 host, 1 critical: type 1" == guards.question(draft(order(critical=True), [host]))[0]
    assert ("yes", True) == (guards.question(plan())[1], "none critical" in guards.question(plan())[0])
