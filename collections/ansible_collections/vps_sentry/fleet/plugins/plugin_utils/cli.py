# SPDX-License-Identifier: GPL-3.0-or-later
"""``vps-sentry-fleet``: the store on the command line. Exit codes are those of docs/contracts.md section 11."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn, Optional, Sequence

from . import commands
from ._libraries import LibraryError
from .store import StoreError, open_store

ERROR = 1


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # argparse would leave with 2, which here means drift.
        self.print_usage(sys.stderr)
        self.exit(ERROR, f"{self.prog}: error: {message}\n")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Entry point; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser(words).parse_args(words)
    try:
        code = _run(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader (head, less) has seen enough; Python's own flush at exit must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except (LibraryError, StoreError) as exc:
        print(f"vps-sentry-fleet: {exc}", file=sys.stderr)
        return ERROR


def _run(options: argparse.Namespace) -> int:
    code: int
    if "alone" in options:
        code = options.alone(options)
    else:
        with open_store(options.store, environ=os.environ, create=options.command.creates) as store:
            code = options.command.run(store, options)
    return code


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Knows every command by name, but the arguments of the one asked for only; of all when help is."""
    parser = _Parser(prog="vps-sentry-fleet", description="Baselines of a fleet: take them in, list, compare.")
    parsers = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    asked = words[0] if words and not words[0].startswith("-") else None
    for name in commands.names():
        if asked in (name, None):
            _add(parsers, name)
        else:
            parsers.add_parser(name)
    return parser


def _add(parsers: argparse._SubParsersAction[_Parser], name: str) -> None:
    command = commands.load(name)
    added = parsers.add_parser(name, help=command.about, description=command.about)
    commands.add_common(added)
    command.arguments(added)
    added.set_defaults(command=command)


if __name__ == "__main__":
    sys.exit(main())
