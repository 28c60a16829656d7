# SPDX-License-Identifier: GPL-3.0-or-later
"""``backup``: a copy of the store as it is at this moment, while others use it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from .. import report
from ..store import Store
from . import Command

_ERROR = 1


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="must not be there yet")


def _run(store: Store, options: argparse.Namespace) -> int:
    if store.place.path is None:
        print(f"vps-sentry-fleet: {store.place} is backed up by PostgreSQL's own pg_dump", file=sys.stderr)
        return _ERROR
    try:
        # Made empty and private first, so that nobody else ever reads it, and nothing that is there is lost.
        os.close(os.open(options.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as exc:
        print(f"vps-sentry-fleet: {options.file}: {exc.strerror}; name another file", file=sys.stderr)
        return _ERROR
    store.copy_to(options.file)
    size = options.file.stat().st_size
    if options.format == "json":
        print(json.dumps({"schema": report.SCHEMA, "file": str(options.file), "bytes": size}))
    else:
        print(f"{options.file}: {size} bytes; to restore, put it in the store's place while nobody uses it")
    return 0


COMMAND = Command(about="a copy of the store, while others use it", arguments=_arguments, run=_run)
