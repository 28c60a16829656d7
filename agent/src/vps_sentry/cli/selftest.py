# SPDX-License-Identifier: GPL-3.0-or-later
"""``selftest``: a line per step, exit code 4 when one failed."""

from __future__ import annotations

import argparse

from ..report import EXIT_FAILED, EXIT_OK
from ..selftest import Step, Trial, steps
from .output import print_json, print_lines
from .setup import setup
from .ship import routes
from .text import visible


def selftest(options: argparse.Namespace) -> int:
    """Try everything that can be tried here. A configuration that cannot be used exits with 2."""
    prepared = setup(options)
    trial = Trial(prepared, lambda: routes(options.config, state=options.state_dir), options.with_network)
    configured = Step("ok", "configuration", f"{options.config} can be used, or there is none")
    failed = False
    rows = []
    for step in (configured, *steps(trial)):
        failed = failed or step.verdict == "FAIL"
        if options.format == "json":
            rows.append({"verdict": step.verdict, "name": step.name, "reason": step.reason})
        else:
            print_lines([visible(f"{step.verdict:<5} {step.name}: {step.reason}")])
    if options.format == "json":
        print_json(rows)
    return EXIT_FAILED if failed else EXIT_OK
