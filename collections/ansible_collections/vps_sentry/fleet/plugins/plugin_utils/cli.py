# SPDX-License-Identifier: GPL-3.0-or-later
"""``vps-sentry-fleet``: the store on the command line. Exit codes are those of docs/contracts.md section 11."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Iterator, List, Mapping, NoReturn, Optional, Sequence, TextIO

from . import ingest, limits, report, roster
from ._libraries import LibraryError
from .cohort import EVERYBODY
from .store import Store, StoreError, open_store
from .survey import MAX_AGE, survey
from .verify import VerifyError, verify

ERROR = 1


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # argparse would leave with 2, which here means drift.
        self.print_usage(sys.stderr)
        self.exit(ERROR, f"{self.prog}: error: {message}\n")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Entry point; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        with open_store(options.store, environ=os.environ, create=options.run is _ingest) as store:
            code: int = options.run(store, options)
            sys.stdout.flush()
            return code
    except BrokenPipeError:
        # The reader (head, less) has seen enough; Python's own flush at exit must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except (LibraryError, StoreError) as exc:
        print(f"vps-sentry-fleet: {exc}", file=sys.stderr)
        return ERROR


def _parser() -> argparse.ArgumentParser:
    common = _Parser(add_help=False)
    common.add_argument("--store", metavar="URL", help="default: sqlite below the user's data directory")
    common.add_argument("--format", choices=("text", "json"), default="text")
    parser = _Parser(prog="vps-sentry-fleet", description="Baselines of a fleet: take them in, list, compare.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    taken = commands.add_parser(
        "ingest", parents=[common], help="take in bundle files; HOST.json is the bundle of HOST"
    )
    taken.add_argument("paths", nargs="+", type=Path, metavar="DIR|FILE")
    taken.add_argument("--cohort", default=EVERYBODY, help="the cohort of these hosts (default: %(default)s)")
    taken.set_defaults(run=_ingest)
    listed = commands.add_parser("hosts", parents=[common], help="every host, its baseline and when it was collected")
    listed.set_defaults(run=_hosts)
    compared = commands.add_parser("compare", parents=[common], help="which host differs from its peers")
    compared.add_argument("--axis", choices=("snapshot", "accepted"), default="snapshot")
    compared.add_argument(
        "--max-age", type=_at_least_one, default=MAX_AGE, metavar="N", help="missed collects that cost the vote"
    )
    compared.set_defaults(run=_compare)
    return parser


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _ingest(store: Store, options: argparse.Namespace) -> int:
    done: List[ingest.Ingested] = []
    refused = 0
    for path in _files(options.paths):
        try:
            done.append(_ingest_file(store, path, options.cohort))
        except (OSError, VerifyError) as exc:
            refused += 1
            print(f"vps-sentry-fleet: {limits.show(str(path))} refused: {exc}", file=sys.stderr)
    if options.format == "json":
        print(json.dumps({"schema": report.SCHEMA, "ingested": [asdict(one) for one in done], "refused": refused}))
    else:
        moved = sum(one.moved for one in done)
        bundles = "1 bundle" if len(done) == 1 else f"{len(done)} bundles"
        print(f"ingested {bundles}: {moved} moved, {len(done) - moved} unchanged; {refused} refused")
    return ERROR if refused else 0


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
        return ingest.ingest(connection, bundle, name=name, cohort=cohort, at=now())


def _hosts(store: Store, options: argparse.Namespace) -> int:
    with store.read() as connection:
        rows = roster.hosts(connection)
    if options.format == "json":
        print(json.dumps({"schema": report.SCHEMA, "hosts": [asdict(row) for row in rows]}))
    else:
        print(report.hosts_text(rows), end="")
    return 4 if any(row.missed for row in rows) else 0


def _compare(store: Store, options: argparse.Namespace) -> int:
    with store.read() as connection:
        found = survey(connection, axis=options.axis, max_age=options.max_age)
    if options.format == "json":
        print(json.dumps(report.to_json(found)))
    else:
        print(report.to_text(found, color=wants_color(sys.stdout, os.environ)), end="")
    return found.exit_code


def wants_color(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """A terminal, unless NO_COLOR (no-color.org) says otherwise."""
    return stream.isatty() and not environ.get("NO_COLOR")


def now() -> str:
    """The controller's time, RFC 3339 UTC."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    sys.exit(main())
