# SPDX-License-Identifier: GPL-3.0-or-later
"""``check-config`` and ``config example``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Optional

from .. import config, credentials, trust
from ..errors import ConfigError
from ..report import EXIT_OK
from .output import print_json, print_lines


def check(options: argparse.Namespace) -> int:
    """Say whether the file can be used, and what to mend about it. A wrong file exits with 2."""
    path = options.file or options.config
    data = _read(path)
    if data is None and options.file:
        raise ConfigError(f"{path} does not exist")
    found = config.default() if data is None else config.parse(data, path=path)
    exposed = trust.exposed(path) if found.notify.sinks else ""
    misplaced = trust.misplaced(path, user=os.geteuid())
    warnings = [word for word in (*found.warnings, misplaced, exposed, *credentials.warnings(found)) if word]
    for warning in warnings:
        print(f"vps-sentry: warning: {warning}", file=sys.stderr)
    if options.format == "json":
        print_json({"path": path, "warnings": warnings, "effective": config.effective(found)})
    else:
        names = ", ".join(sorted(found.notify.sinks))
        sinks = f"to {names}" if names else "nowhere (no sink is configured)"
        usable = "does not exist, the defaults hold" if data is None else "usable"
        print_lines([f"{path}: {usable}; alerts go {sinks}"])
    return EXIT_OK


def _read(path: str) -> Optional[bytes]:
    """The file as it is: whether root may obey it from where it lies is a warning here, not a refusal."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise ConfigError(f"cannot read {path}: {exc.strerror}") from exc


def example(options: argparse.Namespace) -> int:
    """Print every option with its default."""
    del options
    print_json(config.example())
    return EXIT_OK
