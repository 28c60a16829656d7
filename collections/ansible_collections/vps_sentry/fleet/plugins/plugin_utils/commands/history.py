# SPDX-License-Identifier: GPL-3.0-or-later
"""``history``: what a host said before, one snapshot of it, or what changed between two."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any, Dict, List, Tuple

from .. import host_life, past, report
from .._libraries import sa
from ..core.canonical import dumps
from ..core.model import Change
from ..limits import show
from ..page import Table, plain
from ..store import Store
from . import Command

_ERROR, _DRIFT = 1, 2


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("host", metavar="HOST", help="its name in the inventory")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--show", type=int, metavar="N", help="every item of snapshot N")
    what.add_argument("--diff", type=int, nargs=2, metavar=("N", "M"), help="what changed from snapshot N to M")
    parser.add_argument("--axis", choices=("snapshot", "accepted"), default="snapshot")


def _run(store: Store, options: argparse.Namespace) -> int:
    try:
        with store.read() as connection:
            found = past.snapshots(connection, options.host)
            if options.show is not None:
                return _show(connection, past.choose(found, options.show), options)
            if options.diff is not None:
                return _diff(connection, [past.choose(found, number) for number in options.diff], options)
            return _list(found, host_life.events(connection, options.host), options)
    except past.PastError as exc:
        print(f"vps-sentry-fleet: {exc}", file=sys.stderr)
        return _ERROR


def _print(options: argparse.Namespace, document: Dict[str, Any], table: Table) -> None:
    if options.format == "json":
        print(json.dumps({"schema": report.SCHEMA, "host": options.host, **document}))
    else:
        print(plain([table]), end="")


def _table(header: Tuple[str, ...], rows: List[Tuple[str, ...]]) -> Table:
    return Table(header, [tuple((cell, "") for cell in row) for row in rows])


def _list(found: List[past.Snapshot], events: List[Dict[str, str]], options: argparse.Namespace) -> int:
    rows = []
    for before, one in zip([None, *found], found):
        moved = before is None or (before.observed, before.accepted) != (one.observed, one.accepted)
        baseline = f"#{one.sequence}" if one.baseline == "accepted" else one.baseline
        alerts = f"{one.criticals} critical, {one.warnings} warning"
        rows.append((str(one.id), one.collected_at, str(one.run), baseline, "moved" if moved else "", alerts))
    document = {"snapshots": [asdict(one) for one in found], "events": events}
    _print(options, document, _table(("N", "COLLECTED", "RUN", "BASELINE", "", "OPEN ALERTS"), rows))
    if options.format == "text":
        for event in events:
            print(f"{event['at']}  {event['what']} by {show(event['by'])}: {show(event['reason'], limit=400)}")
    return 0


def _show(connection: sa.Connection, one: past.Snapshot, options: argparse.Namespace) -> int:
    items = past.items_of(connection, one, axis=options.axis)
    rows = [(check, show(key, limit=200), _text(items[check][key])) for check in items for key in items[check]]
    _print(options, {"snapshot": asdict(one), "items": items}, _table(("CHECK", "ITEM", "VALUE"), rows))
    return 0


def _diff(connection: sa.Connection, pair: List[past.Snapshot], options: argparse.Namespace) -> int:
    before, after = (past.items_of(connection, one, axis=options.axis) for one in pair)
    found = past.changes(before, after)
    rows = [(change.change, change.check, show(change.key, limit=200), _step(change)) for change in found]
    _print(options, {"changes": [asdict(one) for one in found]}, _table(("", "CHECK", "ITEM", "FIELDS"), rows))
    return _DRIFT if found else 0


def _step(change: Change) -> str:
    if change.before is None or change.after is None:
        return _text(change.after if change.before is None else change.before)
    steps = (f"{name} {_text(change.before.get(name))} -> {_text(change.after.get(name))}" for name in change.fields())
    return show(", ".join(steps), limit=400)


def _text(value: object) -> str:
    return show(dumps(value).decode("ascii"), limit=200)


COMMAND = Command(about="what a host said before, and what changed since", arguments=_arguments, run=_run)
