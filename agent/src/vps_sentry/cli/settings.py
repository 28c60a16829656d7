# SPDX-License-Identifier: GPL-3.0-or-later
"""``check-config`` and ``config example``."""

from __future__ import annotations

import argparse
import sys

from .. import config, trust
from ..report import EXIT_OK
from .output import print_json, print_lines
from .setup import load_config


def check(options: argparse.Namespace) -> int:
    """Say whether the file can be used, and what to mend about it. A wrong file exits with 2."""
    path = options.file or options.config
    found = load_config(path)
    warnings = list(found.warnings)
    if found.notify.sinks and trust.open_to_others(path):
        warnings.append(f"{path} may hold secrets and others may read it; run: chmod 600 {path}")
    for warning in warnings:
        print(f"vps-sentry: warning: {warning}", file=sys.stderr)
    if options.format == "json":
        print_json({"path": path, "warnings": warnings, "effective": config.effective(found)})
    else:
        sinks = ", ".join(sorted(found.notify.sinks)) or "nowhere (no sink is configured)"
        print_lines([f"{path}: usable; alerts go to {sinks}"])
    return EXIT_OK


def example(options: argparse.Namespace) -> int:
    """Print every option with its default."""
    del options
    print_json(config.example())
    return EXIT_OK
