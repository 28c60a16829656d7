# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about the agent's own footing."""

from __future__ import annotations

from typing import Any, List, Tuple

import pytest
from vps_sentry import findings
from vps_sentry.baseline import Baseline
from vps_sentry.core.model import Observation
from vps_sentry.tick import heartbeat

NOW = 1_764_000_000


def test_no_baseline_says_what_would_be_trusted() -> None:
    seen = {"files": Observation("ok", {str(n): {"n": n} for n in range(1200)}), "ports": Observation("failed")}
    (found,) = findings.about_baseline(Baseline(), seen)

    assert ("no_baseline", "warning") == (found.code, found.severity)
    assert "accepting would trust 1,200 items of files; look with" in found.detail


def test_a_lost_baseline_says_why_and_what_to_do() -> None:
    (found,) = findings.about_baseline(Baseline("lost", sequence=7, problem="it is torn"), {})

    assert ("baseline_lost", "critical") == (found.code, found.severity)
    assert "#7" in found.title
    assert "it is torn; restore the file, or review and accept anew: vps-sentry --accept-baseline" == found.detail


def test_an_accepted_baseline_is_no_finding() -> None:
    assert [] == list(findings.about_baseline(Baseline("accepted"), {}))


def test_runs_that_gave_way() -> None:
    assert [] == list(findings.about_busy(2, now=NOW))
    assert ["busy"] == [f.code for f in findings.about_busy(3, now=NOW)]


def test_messages_that_wait() -> None:
    assert [] == list(findings.about_deliveries(0, now=NOW, limit=3600))
    assert [] == list(findings.about_deliveries(NOW - 3599, now=NOW, limit=3600))
    assert ["ship_stuck"] == [f.code for f in findings.about_deliveries(NOW - 3600, now=NOW, limit=3600)]


UP = 86400
GAPS = [
    pytest.param((0, 0), UP, [], id="never ran"),
    pytest.param((NOW - 600, UP - 600), UP, [], id="a tick was missed"),
    pytest.param((NOW - 900, UP - 900), UP, ["run_overdue"], id="three were"),
    pytest.param((NOW - 9000, UP - 9000), UP, ["run_overdue"], id="hours"),
    pytest.param((NOW - 9000, 0), UP, ["run_overdue"], id="hours, by a release that did not note the time since boot"),
    pytest.param((NOW - 9000, 70000), 9000, [], id="the host was down as long"),
    pytest.param((NOW - 9000, 70000), 60, [], id="the host has just started"),
    pytest.param((NOW + 9000, UP - 300), UP, [], id="the clock was set back"),
    pytest.param((NOW - 60, UP - 9000), UP, ["run_overdue"], id="the clock was set back to hide that nobody looked"),
    pytest.param((NOW + 9000, UP - 9000), UP, ["run_overdue"], id="further back than that"),
]


@pytest.mark.weakness(10)
@pytest.mark.parametrize(("last", "uptime", "expected"), GAPS)
def test_a_gap_in_which_nobody_looked_is_told(last: Tuple[int, int], uptime: int, expected: List[str]) -> None:
    assert expected == [f.code for f in findings.about_gap(last, now=NOW, uptime=uptime)]


def test_a_clock_that_was_set_back_is_named() -> None:
    (found,) = findings.about_gap((NOW - 60, UP - 9000), now=NOW, uptime=UP)

    assert "nobody looked at this host for 150 minutes" == found.title
    assert found.detail.endswith("; the clock was set back meanwhile")


LINES = [
    pytest.param((NOW + 300, 5300), False, id="a tick"),
    pytest.param((NOW + 900, 5900), True, id="late by both clocks"),
    pytest.param((NOW + 10, 5900), True, id="late, and the clock was set back"),
    pytest.param((NOW + 900, 5100), True, id="the clock was set forward: looked into"),
    pytest.param((NOW + 300, 100), False, id="after a boot"),
]


@pytest.mark.parametrize(("moment", "expected"), LINES)
def test_a_late_tick_leaves_the_quiet_path(moment: Tuple[int, int], expected: bool) -> None:
    """RULES A19: by the time since boot as well."""
    line = heartbeat.line((NOW, 5000), run=1, code=0, due=0)

    assert expected == heartbeat.overdue(line, moment)
    assert not heartbeat.overdue(line.replace(b" up=5000", b" up=x"), (NOW + 10, 5900))


ENDS = [
    pytest.param(0, [], id="it ended"),
    pytest.param(NOW - 300, [("run_killed", "warning")], id="killed"),
    pytest.param(NOW - 90000, [("run_killed", "info")], id="the host ended with it"),
]


@pytest.mark.weakness(10)
@pytest.mark.parametrize(("began", "expected"), ENDS)
def test_a_run_that_never_ended_is_told_by_the_next(began: int, expected: List[Any]) -> None:
    assert expected == [(f.code, f.severity) for f in findings.about_unfinished(began, now=NOW, uptime=86400)]
