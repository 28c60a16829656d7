# SPDX-License-Identifier: GPL-3.0-or-later
"""``baseline`` and ``checks``: what is on disk, no new look."""

from __future__ import annotations

import argparse
from typing import Any, Iterator, Tuple

from .. import history, memory, observations
from .. import report as report_room
from ..baseline import FILE
from ..checks import discover
from ..config import effective
from ..core import codec
from ..core.diff import diff
from ..core.model import Change
from ..report import EXIT_OK
from ..store import Store
from . import text
from .accept import roll_back
from .output import print_json, print_lines
from .setup import load_config

LOG_NAMES = 5
"""Critical items named in a line of the log; the history's files and the messages name them all."""


def baseline(options: argparse.Namespace) -> int:
    """``baseline show|diff|log``."""
    if options.what == "rollback":
        return roll_back(options)
    store = Store(options.state_dir)
    document, lines = {"show": _show, "diff": _diff, "log": _log}[options.what](store)
    if options.format == "json":
        print_json(document)
    else:
        print_lines(lines)
    return EXIT_OK


def _show(store: Store) -> Any:
    # An ordinary user is told to be root, not that the baseline is lost.
    store.read(FILE)
    store.names("history")
    found = memory.recall(store).baseline
    document = {**report_room.baseline_summary(found), "reason": found.reason, "checks": codec.encode(found.checks)}
    return document, _show_lines(found)


def _show_lines(found: Any) -> Iterator[str]:
    yield text.visible(text.baseline_line(found))
    for name, items in sorted(found.checks.items()):
        yield f"{name:<14}{len(items):,} items"
    if found.digest:
        yield found.digest


def _diff(store: Store) -> Any:
    """All of it, made anew from what is on disk: ``diff.json`` holds the first 5,000 only."""
    found = memory.recall(store).baseline
    report_room.read_last(store)
    seen = {name: observations.load(store, name) for name in discover()}
    known = {name: observation for name, observation in seen.items() if observation is not None}
    changes = diff(found.checks, known) if found.status == "accepted" else ()
    if found.status != "accepted":
        return report_room.diff(()), [text.visible(text.baseline_line(found))]
    document = {"schema": 1, "changes": [report_room.change_document(change) for change in changes], "more": 0}
    return document, _diff_lines(changes)


def _diff_lines(changes: Tuple[Change, ...]) -> Iterator[str]:
    for change in changes:
        yield text.visible(f"{change.change:<8} {change.check} {change.key}")
        for name in change.fields():
            before, after = (change.before or {}).get(name), (change.after or {}).get(name)
            yield text.visible(f"{'':<9}{name}: {_plain(before)} -> {_plain(after)}")
    if not changes:
        yield "nothing differs from the accepted baseline"


def _plain(value: Any) -> str:
    return "none" if value is None else str(value)


def _log(store: Store) -> Any:
    found = list(history.entries(store))
    lines = [text.visible(f"{entry.time}  {entry.sentence(names=LOG_NAMES)}") for entry in found]
    return [codec.encode(entry) for entry in found], lines or ["nothing was ever accepted here"]


def checks(options: argparse.Namespace) -> int:
    """Every check with what it looks at and its options in force."""
    config = load_config(options.config)
    found = {name: {"about": check.about, "options": effective(config)["checks"][name], "columns": dict(check.columns)}
             for name, check in discover().items()}  # fmt: skip
    if options.format == "json":
        print_json(found)
    else:
        print_lines(f"{name:<14}{entry['about']}" for name, entry in found.items())
    return EXIT_OK
