# SPDX-License-Identifier: GPL-3.0-or-later
"""``baseline``, ``status`` and ``checks``: what is on disk, no new look."""

from __future__ import annotations

import argparse
from typing import Any, Dict, Iterator

from .. import history, memory
from .. import report as report_room
from ..checks import discover
from ..config import effective
from ..core import codec
from ..errors import StoreError
from ..report import EXIT_OK
from ..store import Store
from . import text
from .output import print_json, print_lines
from .run import roll_back
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
    found = memory.recall(store, repair=False).baseline
    document = {**report_room.baseline_summary(found), "reason": found.reason, "checks": codec.encode(found.checks)}
    return document, _show_lines(found)


def _show_lines(found: Any) -> Iterator[str]:
    yield text.visible(text.baseline_line(found))
    for name, items in sorted(found.checks.items()):
        yield f"{name:<10}{len(items):,} items"
    if found.digest:
        yield found.digest


def _diff(store: Store) -> Any:
    document = store.read_json("diff.json")
    if document is None:
        raise StoreError(f"{store.path} holds no run yet; take one with: sudo vps-sentry")
    return document, _diff_lines(document)


def _diff_lines(document: Dict[str, Any]) -> Iterator[str]:
    for change in document["changes"]:
        yield text.visible(f"{change['change']:<8} {change['check']} {change['key']}")
        for name in change["fields"]:
            before = (change["before"] or {}).get(name)
            after = (change["after"] or {}).get(name)
            yield text.visible(f"{'':<9}{name}: {_plain(before)} -> {_plain(after)}")
    if document["more"]:
        yield f"and {document['more']:,} more"
    if not document["changes"]:
        yield "nothing differs from the accepted baseline"


def _plain(value: Any) -> str:
    return "none" if value is None else str(value)


def _log(store: Store) -> Any:
    found = list(history.entries(store))
    lines = [text.visible(f"{entry.time}  {entry.sentence(names=LOG_NAMES)}") for entry in found]
    return [codec.encode(entry) for entry in found], lines or ["nothing was ever accepted here"]


def status(options: argparse.Namespace) -> int:
    """The last full run merged with the heartbeat of the quiet ticks since; exit code of the last tick."""
    store = Store(options.state_dir)
    last = store.read_document("last.json")
    if last is None:
        raise StoreError(f"{store.path} holds no run yet; take one with: sudo vps-sentry")
    beat = (store.read("heartbeat") or b"").decode("ascii", "replace").strip()
    waiting = len(store.names("outbox"))
    document = {**last, "heartbeat": beat, "outbox": waiting}
    if options.format == "json":
        print_json(document)
    else:
        print_lines(_status_lines(document))
    words = dict(word.partition("=")[::2] for word in beat.split())
    return int(words.get("exit", EXIT_OK))


def _status_lines(document: Dict[str, Any]) -> Iterator[str]:
    yield text.visible(f"vps-sentry {document['version']} on {document['host']}, last full run {document['time']}")
    found = document["baseline"]
    yield text.visible(
        f"baseline #{found['sequence']} {found['status']}, {found['accepted_at']} by {found['accepted_by']}"
    )
    yield text.visible(f"heartbeat {document['heartbeat']}")
    for name, check in sorted(document["checks"].items()):
        yield text.visible(f"{name:<10}{check['status']}, {check['items']:,} items{_because(check['error'])}")
    for alert in document["alerts"]:
        yield text.visible(f"{alert['state']:<9} {alert['severity']:<9} {alert['title']}")
    yield f"{document['outbox']} messages waiting to be shipped"


def _because(error: Any) -> str:
    return f": {error}" if error else ""


def checks(options: argparse.Namespace) -> int:
    """Every check with what it looks at and its options in force."""
    config = load_config(options.config)
    found = {name: {"about": check.about, "options": effective(config)["checks"][name], "columns": dict(check.columns)}
             for name, check in discover().items()}  # fmt: skip
    if options.format == "json":
        print_json(found)
    else:
        print_lines(f"{name:<10}{entry['about']}" for name, entry in found.items())
    return EXIT_OK
