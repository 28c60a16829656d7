# SPDX-License-Identifier: GPL-3.0-or-later
"""``hosts``: who is in the fleet."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from .. import report, roster
from ..store import Store
from . import Command

_INCOMPLETE = 4


def _arguments(_parser: argparse.ArgumentParser) -> None:
    pass


def _run(store: Store, options: argparse.Namespace) -> int:
    with store.read() as connection:
        rows = roster.hosts(connection)
    if options.format == "json":
        print(json.dumps({"schema": report.SCHEMA, "hosts": [asdict(row) for row in rows]}))
    else:
        print(report.hosts_text(rows), end="")
    return _INCOMPLETE if any(row.missed for row in rows) else 0


COMMAND = Command(about="every host, its baseline and when it was collected", arguments=_arguments, run=_run)
