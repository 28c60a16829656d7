# SPDX-License-Identifier: GPL-3.0-or-later
"""``ingest``: take in bundle files."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Iterator, List, Sequence

from .. import ingest, limits, report, roster
from ..cohort import EVERYBODY
from ..moment import now
from ..store import Store
from ..verify import VerifyError, verify
from . import Command

_REFUSED = 1
_PATH = 4096
"""The longest path there is: its end, the name of the host, must be seen."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", type=Path, metavar="DIR|FILE")
    parser.add_argument("--cohort", default=EVERYBODY, help="the cohort of these hosts (default: %(default)s)")


def _run(store: Store, options: argparse.Namespace) -> int:
    done: List[ingest.Ingested] = []
    refused = 0
    for path in _files(options.paths):
        try:
            done.append(_ingest_file(store, path, options.cohort))
        except (OSError, VerifyError) as exc:
            refused += 1
            print(f"vps-sentry-fleet: {limits.show(str(path), limit=_PATH)} refused: {exc}", file=sys.stderr)
    if options.format == "json":
        print(json.dumps({"schema": report.SCHEMA, "ingested": [asdict(one) for one in done], "refused": refused}))
    else:
        moved = sum(one.moved for one in done)
        bundles = "1 bundle" if len(done) == 1 else f"{len(done)} bundles"
        print(f"ingested {bundles}: {moved} moved, {len(done) - moved} unchanged; {refused} refused")
    return _REFUSED if refused else 0


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(path.glob("*.json"))
        else:
            yield path


def _ingest_file(store: Store, path: Path, cohort: str) -> ingest.Ingested:
    name = path.name.removesuffix(".json")
    if not name or not name.isprintable():
        raise VerifyError("the file's name is the host's name: HOST.json")
    with path.open("rb") as handle:
        data = handle.read(limits.MAX_BYTES + 1)
    with store.write() as connection:
        bundle = verify(data, nonce=None, held=roster.holdings(connection, name))
        return ingest.ingest(connection, bundle, whose=ingest.Whose(name, cohort), at=now())


COMMAND = Command(
    about="take in bundle files; HOST.json is the bundle of HOST", arguments=_arguments, run=_run, creates=True
)
