# SPDX-License-Identifier: GPL-3.0-or-later
"""``hosts``: who is in the fleet, and what people decide about single hosts."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from dataclasses import asdict
from typing import Callable, Dict, Tuple

from .. import host_life, host_report, report, roster, trust_store
from .._libraries import sa
from ..acceptance import log, mirror
from ..moment import now
from ..store import Store
from ..survey import survey
from . import Command, add_common

_INCOMPLETE, _ERROR = 4, 1


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cohorts", action="store_true", help="sizes, quorum and who cannot be judged")
    kinds = parser.add_subparsers(dest="decision", metavar="DECISION", parser_class=type(parser))
    for name, (about, _do) in _DECISIONS.items():
        one = kinds.add_parser(name, help=about, description=about)
        add_common(one, again=True)
        one.add_argument("host", metavar="HOST", help="its name in the inventory")
        if name == "rename":
            one.add_argument("new", metavar="NEW", help="its new name in the inventory")
        one.add_argument("--reason", required=True, metavar="TEXT")


def _run(store: Store, options: argparse.Namespace) -> int:
    if options.cohorts:
        return _cohorts(store, options)
    return _decide(store, options) if options.decision else _list(store, options)


def _cohorts(store: Store, options: argparse.Namespace) -> int:
    with store.read() as connection:
        found = survey(connection, at=now())
    if options.format == "json":
        document = {
            "cohorts": [asdict(one) for one in found.cohorts],
            "left_out": [asdict(one) for one in found.left_out],
        }
        print(json.dumps({"schema": report.SCHEMA, **document}))
    else:
        print(report.cohorts_text(found), end="")
    return _INCOMPLETE if found.left_out else 0


def _list(store: Store, options: argparse.Namespace) -> int:
    with store.read() as connection:
        rows, doubts = roster.hosts(connection), trust_store.standing(connection)
    if options.format == "json":
        document = {"hosts": [asdict(row) for row in rows], "doubts": [asdict(doubt) for doubt in doubts]}
        print(json.dumps({"schema": report.SCHEMA, **document}))
    else:
        print(report.hosts_text(rows), end="")
        print(host_report.doubts_text(doubts), end="")
    critical = any(doubt.severity == "critical" for doubt in doubts)
    return 3 if critical else _INCOMPLETE if any(row.missed or row.absent_since for row in rows) else 0


def _decide(store: Store, options: argparse.Namespace) -> int:
    _about, do = _DECISIONS[options.decision]
    try:
        decision = host_life.Decision(by=getpass.getuser(), at=now(), reason=options.reason)
        with store.write() as connection:
            told = do(connection, options, decision)
            head = log.head(connection)
    except host_life.LifeError as exc:
        print(f"vps-sentry-fleet: {exc}", file=sys.stderr)
        return _ERROR
    mirror.update(store)
    if options.format == "json":
        decided = {"host": options.host, "decision": options.decision, "audit_head": head}
        print(json.dumps({"schema": report.SCHEMA, **decided}))
    else:
        print(f"{options.host}: {told}\n{log.told(head)}")
    return 0


def _retire(connection: sa.Connection, options: argparse.Namespace, decision: host_life.Decision) -> str:
    host_life.retire(connection, options.host, decision=decision)
    return "retired; its history stays. Take it out of the inventory: collecting it makes it active again"


def _rename(connection: sa.Connection, options: argparse.Namespace, decision: host_life.Decision) -> str:
    host_life.rename(connection, options.host, new=options.new, decision=decision)
    return f"now {options.new}, with its history"


def _reinstalled(connection: sa.Connection, options: argparse.Namespace, decision: host_life.Decision) -> str:
    host_life.reinstalled(connection, options.host, decision=decision)
    return "its record starts anew: the next collect adopts what it says then"


def _adopt(connection: sa.Connection, options: argparse.Namespace, decision: host_life.Decision) -> str:
    closed = host_life.adopt(connection, options.host, decision=decision)
    return f"taken for what it said last; doubts closed: {closed}"


_Do = Callable[[sa.Connection, argparse.Namespace, host_life.Decision], str]
_DECISIONS: Dict[str, Tuple[str, _Do]] = {
    "retire": ("it is gone: no longer compared nor missed", _retire),
    "rename": ("the inventory calls it by another name now", _rename),
    "reinstalled": ("it was built anew: another machine-id, other host keys, a new baseline", _reinstalled),
    "adopt": ("what it says now is right: close the doubts about it", _adopt),
}

COMMAND = Command(
    about="every host, its baseline and when it was collected; or a decision about one", arguments=_arguments, run=_run
)
