# SPDX-License-Identifier: GPL-3.0-or-later
"""Both axes of a difference, and what of a cohort hosts say themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import open_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.survey import survey
from support.fleet import Items

from .test_compare import AT, BASE, KEY, Checks, changed, fill, fleet_of, survey_of, without


def both(now: Items, accepted: Items) -> Dict[str, Any]:
    return {"now": {"files": now}, "accepted": {"files": accepted}}


AXES = [
    pytest.param([both(BASE, without(KEY))] * 5, (0, 5, True), id="a cohort that changed as one is one finding"),
    pytest.param([both(BASE, BASE)] * 4 + [both(BASE, without(KEY))], (0, 1, False), id="a late one caught up"),
    pytest.param([both(BASE, BASE)] * 4 + [both(without(KEY), BASE)], (1, 1, False), id="changed and different"),
    pytest.param([both(BASE, BASE)] * 4 + [both(without(KEY), without(KEY))], (1, 0, False), id="different ever since"),
    pytest.param([both(BASE, without(KEY))] * 3, (0, 3, False), id="three hosts are no consensus that could move"),
]


@pytest.mark.parametrize(("hosts", "expected"), AXES)
def test_the_two_axes(tmp_path: Path, hosts: List[Dict[str, Any]], expected: Tuple[int, int, bool]) -> None:
    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store:
        for number, host in enumerate(hosts):
            fill(store, {f"web-{number}": host["now"]}, accepted=host["accepted"])
        with store.read() as connection:
            (finding,) = survey(connection, at=AT).findings

    assert (len(finding.outliers), len(finding.changed), finding.wide) == expected


def test_a_backdoor_older_than_the_first_baseline_is_found_by_its_peers_alone(tmp_path: Path) -> None:
    """The host accepted it with everything else, so its own past is clean."""
    planted = changed("/root/.ssh/authorized_keys", size=99)
    honest = changed("/root/.ssh/authorized_keys", size=3)
    fleet = {f"web-{number}": {"files": planted if number == 2 else honest} for number in range(6)}
    found = survey_of(tmp_path, fleet)

    (finding,) = found.findings
    assert (finding.outliers, finding.changed, finding.severity) == (("web-2",), (), "critical")
    assert found.exit_code == 3


def test_a_host_key_that_changed_is_told_by_its_own_past(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store:
        fill(store, fleet_of(4))
        now, then = (changed("/etc/ssh/ssh_host_rsa_key", size=size) for size in (9, 3))
        fill(store, {"web-9": {"files": now}}, accepted={"files": then})
        with store.read() as connection:
            (finding,) = survey(connection, at=AT).findings

    assert (finding.level, finding.outliers, finding.changed) == ("own past", (), ("web-9",))


DEBIAN, ALMA = ({"os": {"id": name, "major": major}} for name, major in (("debian", "12"), ("almalinux", "9")))


def test_a_cohort_is_of_one_system_as_accepted(tmp_path: Path) -> None:
    """A host that calls itself something else stays with its peers and differs there; unaccepted ones are believed."""
    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store:
        for number in range(4):
            fill(store, {f"web-{number}": {"system": DEBIAN}})
            fill(store, {f"alma-{number}": {"system": ALMA}}, accepted={})
        fill(store, {"web-9": {"system": ALMA}}, accepted={"system": DEBIAN})
        with store.read() as connection:
            found = survey(connection, at=AT)

    assert [(cohort.name, cohort.hosts) for cohort in found.cohorts] == [("web/almalinux-9", 4), ("web/debian-12", 5)]
    assert [(finding.key, finding.outliers, finding.changed) for finding in found.findings] == [
        ("os", ("web-9",), ("web-9",))
    ]


def test_a_text_is_compared_between_hosts_and_its_file_over_time(tmp_path: Path) -> None:
    def checks(size: int) -> Checks:
        return {"files": changed("/etc/hosts", size=size), "system": {"text:/etc/hosts": {"sha256": f"{size}"}}}

    with open_store(f"sqlite:///{tmp_path}/fleet.sqlite", environ={}) as store:
        fill(store, {f"web-{number}": checks(3) for number in range(4)})
        fill(store, {"web-9": checks(9)}, accepted=checks(3))
        with store.read() as connection:
            found = survey(connection, at=AT)

    assert [(f.check, f.outliers, f.changed) for f in found.findings] == [
        ("files", (), ("web-9",)),
        ("system", ("web-9",), ()),
    ]
