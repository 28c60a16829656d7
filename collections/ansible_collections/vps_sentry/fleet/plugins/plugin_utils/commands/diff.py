# SPDX-License-Identifier: GPL-3.0-or-later
"""``diff``: two hosts, item by item."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any, Dict, List, Optional, Tuple

from .. import ballots, roster, wording
from .._libraries import sa
from ..compare import Step, Text
from ..page import Line, Page, Span, Table, draw, line
from ..scope import scope
from ..store import Store
from ..terminal import wants_color, width_of
from . import Command

_SCHEMA, _ERROR, _DRIFT, _INCOMPLETE = 1, 1, 2, 4
_Found = List[Tuple[str, str, Text, Text]]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("one", metavar="HOST")
    parser.add_argument("other", metavar="HOST")
    parser.add_argument("--axis", choices=("snapshot", "accepted"), default="snapshot")
    parser.add_argument("--all", action="store_true", help="also what is each host's own, such as host keys")


def _run(store: Store, options: argparse.Namespace) -> int:
    with store.read() as connection:
        states = _states(connection, options)
        if states is None:
            return _ERROR
        roots = ballots.roots_of(connection, states)
        one, other = (roots[state] for state in states)
        found = ballots.difference(connection, other, other=one)
    told: _Found = [
        (check, key, before, after)
        for check, diff in found.items()
        for key, (after, before) in sorted(diff.items())
        if options.all or scope(check, key) != "host"
    ]
    uneven = sorted(set(one) ^ set(other))
    if options.format == "json":
        print(
            json.dumps(
                {
                    "schema": _SCHEMA,
                    "differences": [_entry(c, k, before=b, after=a) for c, k, b, a in told],
                    "not_on_both": uneven,
                }
            )
        )
    else:
        _print(told, uneven, options=options)
    return _DRIFT if told and not uneven else _INCOMPLETE if uneven else 0


def _states(connection: sa.Connection, options: argparse.Namespace) -> Optional[Tuple[int, int]]:
    rows = {row.name: row for row in roster.hosts(connection)}
    found = []
    for name in (options.one, options.other):
        row = rows.get(name)
        state = None if row is None else row.accepted if options.axis == "accepted" else row.observed
        if state is None:
            what = "accepted baseline" if options.axis == "accepted" else "snapshot"
            print(f"vps-sentry-fleet: there is no {what} of {name}; see vps-sentry-fleet hosts", file=sys.stderr)
            return None
        found.append(state)
    return found[0], found[1]


def _entry(check: str, key: str, *, before: Text, after: Text) -> Dict[str, Any]:
    one, other = (None if text is None else json.loads(text) for text in (before, after))
    return {"check": check, "key": key, "one": one, "other": other}


def _print(told: _Found, uneven: List[str], *, options: argparse.Namespace) -> None:
    one, other = (wording.name(name) for name in (options.one, options.other))
    page: Page = [line((f"{one} -> {other}: {wording.count(len(told), 'difference')}", "title"))]
    page += [Table(("CHECK", "ITEM", "DIFFERENCE"), [_row(row, other) for row in told])] if told else []
    page += [_missing(check) for check in uneven]
    print(draw(page, color=wants_color(sys.stdout, os.environ), width=width_of(sys.stdout)), end="")


def _row(row: Tuple[str, str, Text, Text], other: str) -> Tuple[Span, ...]:
    check, key, before, after = row
    return (check, ""), (wording.name(key), ""), (wording.step(Step(before, after, (other,))), "")


def _missing(check: str) -> Line:
    return line(("not compared: ", "warning"), f"{check}, which only one of them reports")


COMMAND = Command(about="two hosts item by item, whatever their cohorts", arguments=_arguments, run=_run)
