# SPDX-License-Identifier: GPL-3.0-or-later
"""What intruders do to stay, each between two quiet ticks of a real host: the table in docs/checks.md, proved.

The rows lie in ``tests/cases/actions``, one file a check or theme.
"""

from __future__ import annotations

import json
import re

import pytest
from actions import Action, load
from support.machine import Machine
from support.stage import Stage
from support.tree import ROOT

pytestmark = [pytest.mark.container, pytest.mark.weakness(19)]
ROWS = load(ROOT / "tests" / "cases" / "actions")


@pytest.fixture(scope="module", name="stage")
def _stage(machine: Machine) -> Stage:
    return Stage(machine)


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row.number}-{row.what}") for row in ROWS])
def test_the_next_tick_says_what_was_done(stage: Stage, row: Action) -> None:
    done = stage.perform(row)

    assert done.stood == [], "something stood open before"
    assert done.calm, "the tick before was not quiet, so nothing is proved"
    assert done.moved, "the quiet path did not notice"
    sentence = ".*".join(map(re.escape, row.title.split("*")))
    expected = [
        said
        for said in done.said
        if said[:3] == (row.check, row.code, row.severity) and re.fullmatch(sentence, said[3])
    ]
    assert len(expected) == 1, f"not said, but: {done.said}"
    assert done.left == [], "undone, but not ended"


def test_what_systemd_hands_to_all_services_is_told_by_the_next_run(stage: Stage) -> None:
    """RULES A19. Only a process of the agent's own unit is given it, so no other can say that the tick moves."""
    machine = stage.machine
    machine.run(["systemctl", "set-environment", "LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libm.so.6", "PYTHONPATH=/tmp"])
    machine.run(["systemctl", "start", "vps-sentry.service"])
    alerts = json.loads(machine.read("/var/lib/vps-sentry/last.json"))["alerts"]
    machine.run(["systemctl", "unset-environment", "LD_PRELOAD", "PYTHONPATH"])
    machine.run(["systemctl", "start", "vps-sentry.service"])
    left = json.loads(machine.read("/var/lib/vps-sentry/last.json"))["alerts"]

    title = "the agent was started with the variable {} (removed by the wrapper)"
    found = {alert["title"]: alert["severity"] for alert in alerts if alert["code"] == "agent_ground"}
    assert {title.format("LD_PRELOAD"): "critical", title.format("PYTHONPATH"): "critical"} == found
    assert [] == [alert for alert in left if alert["code"] == "agent_ground" and alert["state"] != "resolved"]
