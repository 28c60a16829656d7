# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging: one finding a change, many alike grouped with an exact count, criticals never hidden in a group."""

from __future__ import annotations

from typing import Any, List

from vps_sentry.core.model import Change, Observation, Rating
from vps_sentry.judge import GROUP_ABOVE, Finding, judge_changes, judge_status


def rate(change: Change) -> Rating:
    critical = change.key.endswith("authorized_keys")
    return Rating("file_added", "critical" if critical else "warning", f"{change.key} appeared")


def added(keys: List[str]) -> List[Change]:
    return [Change("added", "files", key, None, {"type": "file"}) for key in keys]


def judged(keys: List[str]) -> List[Finding]:
    return list(judge_changes(added(keys), rate))


def test_up_to_twenty_alike_stand_alone() -> None:
    keys = [f"/etc/x/{number:02}" for number in range(GROUP_ABOVE)]

    assert keys == [finding.key for finding in judged(keys)]


def test_more_become_one_with_an_exact_count() -> None:
    found = judged([f"/etc/x/{number:02}" for number in range(57)])

    assert ["/etc/x"] == [finding.key for finding in found]
    assert found[0].title.startswith("57 changes")
    assert "and 47 more" in found[0].detail


def test_a_critical_one_is_never_grouped_away() -> None:
    keys = [f"/root/.ssh/{number:02}" for number in range(57)] + ["/root/.ssh/authorized_keys"]

    assert {("/root/.ssh", "warning"), ("/root/.ssh/authorized_keys", "critical")} == {
        (finding.key, finding.severity) for finding in judged(keys)
    }


def test_directories_are_counted_apart() -> None:
    keys = [f"/etc/a/{number}" for number in range(15)] + [f"/etc/b/{number}" for number in range(15)]

    assert 30 == len(judged(keys))


def status(state: Any, *, worked: bool) -> List[str]:
    observation = Observation(state, error="netlink refused")
    return [finding.detail for finding in judge_status("ports", observation, worked_before=worked)]


def test_a_check_that_worked_and_fails_is_a_finding() -> None:
    assert ["netlink refused"] == status("failed", worked=True)
    assert [] == status("failed", worked=False)
    assert [] == status("skipped", worked=True)


def test_a_group_tells_apart_what_its_items_are() -> None:
    changes = added([f"/etc/x/{number:02}" for number in range(30)])
    other = [*changes[:-1], Change("added", "files", changes[-1].key, None, {"type": "file", "sha256": "trojan"})]
    (before,), (after,) = judge_changes(changes, rate), judge_changes(other, rate)

    assert before.content != after.content
    assert tuple(change.key for change in changes) == before.members
