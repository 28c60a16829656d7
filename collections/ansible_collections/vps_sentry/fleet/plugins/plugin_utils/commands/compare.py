# SPDX-License-Identifier: GPL-3.0-or-later
"""``compare``: which host differs from its peers."""

from __future__ import annotations

import argparse
import json
import os
import sys

from .. import report
from ..store import Store
from ..survey import MAX_AGE, survey
from ..terminal import wants_color
from . import Command


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--axis", choices=("snapshot", "accepted"), default="snapshot")
    parser.add_argument(
        "--max-age", type=_at_least_one, default=MAX_AGE, metavar="N", help="missed collects that cost the vote"
    )


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _run(store: Store, options: argparse.Namespace) -> int:
    with store.read() as connection:
        found = survey(connection, axis=options.axis, max_age=options.max_age)
    if options.format == "json":
        print(json.dumps(report.to_json(found)))
    else:
        print(report.to_text(found, color=wants_color(sys.stdout, os.environ)), end="")
    return found.exit_code


COMMAND = Command(about="which host differs from its peers", arguments=_arguments, run=_run)
