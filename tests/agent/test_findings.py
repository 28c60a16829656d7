# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about the agent's own footing."""

from __future__ import annotations

from vps_sentry import findings
from vps_sentry.baseline import Baseline
from vps_sentry.core.model import Observation

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
