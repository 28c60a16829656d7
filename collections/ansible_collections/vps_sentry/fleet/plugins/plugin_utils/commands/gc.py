# SPDX-License-Identifier: GPL-3.0-or-later
"""``gc``: drop old snapshots and what only they held."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from .. import report, sweeping
from ..store import Store
from . import Command

_KEEP = 50


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep", type=_at_least_one, default=_KEEP, metavar="N", help="snapshots of each host (default: %(default)s)"
    )


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _run(store: Store, options: argparse.Namespace) -> int:
    with store.write() as connection:
        swept = sweeping.sweep(connection, keep=options.keep)
    store.compact()
    if options.format == "json":
        print(json.dumps({"schema": report.SCHEMA, "removed": asdict(swept)}))
    else:
        told = ", ".join(f"{count} {name}" for name, count in asdict(swept).items())
        print(f"removed {told}; kept {options.keep} snapshots of each host and the first with each accepted baseline")
    return 0


COMMAND = Command(about="drop old snapshots and what only they held", arguments=_arguments, run=_run)
