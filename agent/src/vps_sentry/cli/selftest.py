# SPDX-License-Identifier: GPL-3.0-or-later
"""``selftest``: a line per step, exit code 4 when one failed."""

from __future__ import annotations

import argparse

from ..report import EXIT_FAILED, EXIT_OK, EXIT_USAGE
from ..selftest import Trial, steps
from .output import print_json, print_lines
from .setup import setup
from .ship import trial_routes
from .text import visible


def selftest(options: argparse.Namespace) -> int:
    """Try everything that can be tried here; a configuration that cannot be used fails its step and exits with 2."""
    prepared = setup(options, trial=True)
    trial = Trial(prepared, lambda: trial_routes(options.config), options.with_network)
    failed = False
    rows = []
    for step in steps(trial):
        failed = failed or step.verdict == "FAIL"
        if options.format == "json":
            rows.append({"verdict": step.verdict, "name": step.name, "reason": step.reason})
        else:
            print_lines([visible(f"{step.verdict:<5} {step.name}: {step.reason}")])
    if options.format == "json":
        print_json(rows)
    if prepared.config_error:
        return EXIT_USAGE
    return EXIT_FAILED if failed else EXIT_OK
