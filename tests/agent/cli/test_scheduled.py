# SPDX-License-Identifier: GPL-3.0-or-later
"""The timer's options, written down once more so that a tick needs no parser."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest
from support.tree import ROOT
from vps_sentry.cli.arguments import parse
from vps_sentry.cli.scheduled import options
from vps_sentry.cli.setup import setup


def test_they_are_what_the_parser_makes_of_them() -> None:
    written, parsed = vars(options({})), vars(parse(["run", "--format", "text"], scheduled=True))
    del written["command"], parsed["command"]

    assert parsed == written


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        pytest.param({}, True, id="the quiet path chose to believe none, or had none"),
        pytest.param({("stat", ("/etc",)): b""}, False, id="it took some and one moved"),
    ],
)
def test_when_no_stamp_is_believed(taken: Dict[Any, bytes], expected: bool, tmp_path: Path) -> None:
    """A1: one tick in twelve, whatever moves in it."""
    chosen = options(taken)
    chosen.state_dir = str(tmp_path)

    assert setup(chosen).bypass is expected


def test_a_scheduled_run_imports_no_parser_no_sink_and_nothing_that_sends() -> None:
    """Half of what a run costs is imports; sinks are imported for what the configuration names."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import vps_sentry.cli.scheduled, vps_sentry.config; vps_sentry.config.default()\n"
        "print(*sorted(sys.modules))"
    )
    command = [sys.executable, "-I", "-S", "-c", program, str(ROOT / "agent" / "src")]
    imported = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    sinks = {name for name in imported if name.startswith("vps_sentry.sinks.") and "._" not in name}

    assert set() == sinks
    assert set() == imported & {"argparse", "requests", "ssl", "http.client", "email", "subprocess", "logging"}
