# SPDX-License-Identifier: GPL-3.0-or-later
"""``run``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .. import credentials, trust
from .. import report as report_room
from ..errors import ConfigError
from ..pipeline import run_once
from ..report import EXIT_ALERTS, EXIT_FAILED, EXIT_OK
from ..setup import Setup
from . import text
from .output import colored, print_json, print_lines
from .setup import setup

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> int:
    """One run, or one acceptance."""
    if options.accept_baseline:
        # Imported here: a tick has to be cheap.
        from .accept import accept

        return accept(options)
    return _look(options)


def _look(options: argparse.Namespace) -> int:
    if options.dry_run or options.digest or options.only or options.reason or options.expires:
        raise ConfigError("--dry-run, --digest, --only, --reason and --expires belong to --accept-baseline")
    prepared = setup(options)
    _warn(prepared, options.config)
    found = run_once(prepared).report
    if options.format == "json":
        print_json(report_room.last(found))
    else:
        print_lines(text.report(found, color=colored(options), hints=options.root == "/"))
        if str(prepared.store.path) != options.state_dir:
            print_lines([f"this look has a state of its own: {prepared.store.path}"])
    code = found.exit_code
    return EXIT_OK if options.exit_zero and code in (EXIT_ALERTS, EXIT_FAILED) else code


def _warn(prepared: Setup, path: str) -> None:
    exposed = trust.exposed(path) if prepared.config.notify.sinks else ""
    for warning in filter(None, (*prepared.config.warnings, exposed, *credentials.warnings(prepared.config))):
        print(f"vps-sentry: warning: {warning}", file=sys.stderr)
