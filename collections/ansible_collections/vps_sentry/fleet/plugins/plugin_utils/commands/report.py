# SPDX-License-Identifier: GPL-3.0-or-later
"""``report``: the comparison as a file for people or programs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from .. import document
from ..html.report import page
from ..moment import now
from ..redact import redacted
from ..result_file import write_private
from ..store import Store, StoreError
from ..survey import survey
from . import Command, compare


def _arguments(parser: argparse.ArgumentParser) -> None:
    compare.choices(parser)
    parser.add_argument(
        "--output", type=Path, default=Path("vps-sentry-report.html"), metavar="FILE", help="%(default)s"
    )
    parser.add_argument("--redact", action="store_true", help="no names, addresses or contents: a report for sharing")


def _run(store: Store, options: argparse.Namespace) -> int:
    at = now()
    with store.read() as connection:
        found = survey(connection, at=at, options=compare.chosen(options))
    told = redacted(found) if options.redact else found
    path: Path = options.output
    try:
        write_private(path, page(told, at=at, redacted=options.redact))
    except OSError as exc:
        raise StoreError(f"cannot write {path}: {exc.strerror}; name another file with --output") from exc
    if options.format == "json":
        print(json.dumps(document.to_json(told)))
    else:
        print(f"written to {path}, readable by you alone (exit {found.exit_code})")
    return found.exit_code


COMMAND = Command(about="the comparison as one HTML file that loads and runs nothing", arguments=_arguments, run=_run)
