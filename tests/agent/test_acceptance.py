# SPDX-License-Identifier: GPL-3.0-or-later
"""The acceptance inside a run: what the checks know after it, and that no other run pays for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.runs import MACHINE, World
from support.tree import ROOT
from vps_sentry import acceptance, history, memory
from vps_sentry.accept import Request
from vps_sentry.deliveries import Outlet
from vps_sentry.looking import look
from vps_sentry.report import Identity

LOGIN = "alice 192.0.2.0/24"


@pytest.mark.parametrize(
    ("request_", "known", "kept"),
    [
        pytest.param(Request(by="anna"), [LOGIN], {}, id="accepted: known from now on"),
        pytest.param(Request(by="anna", dry_run=True), [], {LOGIN: {"user": "alice"}}, id="planned: nothing changes"),
        pytest.param(Request(by="anna", signed=True), [], {LOGIN: {"user": "alice"}}, id="proposed: neither"),
    ],
)
def test_what_was_accepted_is_known_to_its_check_and_nothing_else(
    tmp_path: Path, request_: Request, known: object, kept: object
) -> None:
    world = World(tmp_path, items={"a": {"n": 1}}, learnable={LOGIN: {"user": "alice"}})
    setup = world.setup()
    outlet = Outlet(setup.store, setup.config, Identity("web-1", MACHINE, "0.0.0"), setup.now)
    looked = look(setup, memory.recall(setup.store), everything=True)
    outcome, after = acceptance.carry_out(setup, looked, request=request_, outlet=outlet)

    assert known == (after.checks["things"].memory or {}).get("known", [])
    assert kept == after.checks["things"].learnable
    assert [outcome.kind] * (not request_.dry_run) == [entry.kind for entry in history.entries(setup.store)]


def test_a_tick_that_accepts_nothing_imports_none_of_it() -> None:
    program = (
        "import sys\nimport vps_sentry.cli.scheduled\n"
        "print(sorted({'vps_sentry.' + name for name in sys.argv[1:]} & set(sys.modules)))"
    )
    rooms = ["accept", "acceptance", "core.bundle", "core.plan", "expiry", "history", "orders", "sinks._http"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "agent" / "src")}
    command = [sys.executable, "-c", program, *rooms]

    assert "[]" == subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()
