# SPDX-License-Identifier: GPL-3.0-or-later
"""``compare``: which host differs from its peers."""

from __future__ import annotations

import argparse
import json
import os
import sys

from .. import document, report
from ..moment import now
from ..store import Store
from ..survey import MAX_AGE, Options, survey
from ..terminal import wants_color, width_of
from . import Command


def _arguments(parser: argparse.ArgumentParser) -> None:
    choices(parser)
    parser.add_argument("--all", action="store_true", help="tell what is explained, too")


def choices(parser: argparse.ArgumentParser) -> None:
    """How to compare: the same words for every command that does."""
    parser.add_argument("--axis", choices=("snapshot", "accepted"), default="snapshot")
    parser.add_argument(
        "--max-age", type=_at_least_one, default=MAX_AGE, metavar="N", help="missed collects that cost the vote"
    )
    parser.add_argument(
        "--reference", action="append", default=[], metavar="HOST", help="in its cohort this host's values are right"
    )


def chosen(options: argparse.Namespace) -> Options:
    """The options that ``choices`` brought."""
    return Options(axis=options.axis, max_age=options.max_age, references=frozenset(options.reference))


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _run(store: Store, options: argparse.Namespace) -> int:
    with store.read() as connection:
        found = survey(connection, at=now(), options=chosen(options))
    if options.format == "json":
        print(json.dumps(document.to_json(found)))
    else:
        color, width = wants_color(sys.stdout, os.environ), width_of(sys.stdout)
        print(report.to_text(found, color=color, width=width, everything=options.all), end="")
    return found.exit_code


COMMAND = Command(about="which host differs from its peers, and from what was accepted", arguments=_arguments, run=_run)
