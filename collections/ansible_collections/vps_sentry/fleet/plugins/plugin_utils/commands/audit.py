# SPDX-License-Identifier: GPL-3.0-or-later
"""``audit``: the log of what was accepted by whom, and whether it is whole."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from ..acceptance import chain, log, mirror, rebuild
from ..acceptance.chain import Entry
from ..acceptance.planfile import PlanError
from ..acceptance.signing import Signers
from ..limits import show
from ..store import Store
from . import Command

_BROKEN, _ERROR = 3, 1


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("step", choices=("log", "verify", "rebuild"))
    parser.add_argument("lines", nargs="?", type=Path, metavar="FILE", help="rebuild: the JSON lines of the lost store")
    parser.add_argument("--head", metavar="sha256:HEX", help="verify: a head that a plan told once")
    parser.add_argument("--signers", type=Path, metavar="FILE", help="rebuild: every plan must carry their signature")


def _run(store: Store, options: argparse.Namespace) -> int:
    try:
        return _STEPS[options.step](store, options)
    except PlanError as exc:
        print(f"vps-sentry-fleet: {exc}", file=sys.stderr)
        return _ERROR


def _log(store: Store, options: argparse.Namespace) -> int:
    mirror.update(store)
    with store.read() as connection:
        found = list(log.entries(connection))
    if options.format == "json":
        print(json.dumps([{**asdict(entry), "head": entry.head} for entry in found]))
    else:
        print("\n".join(_line(entry) for entry in found) or "nothing is on record yet")
    return 0


def _line(entry: Entry) -> str:
    detail = " ".join(f"{name}={show(str(value), limit=120)}" for name, value in sorted(entry.detail.items()))
    return f"{entry.n:>5}  {entry.at}  {show(entry.who)}  {entry.what}  {entry.plan_id}  {detail}"


def _verify(store: Store, options: argparse.Namespace) -> int:
    with store.read() as connection:
        found, heads, end = list(log.entries(connection)), log.heads(connection), log.head(connection)
    problems = [*chain.breaks(found, heads=heads), *mirror.differences(store)]
    if options.head is not None and options.head not in (*heads, chain.GENESIS):
        told = f"the head {show(options.head)} is not in this log"
        problems.append(f"{told}: entries were removed, or it is another store's")
    for problem in problems:
        print(f"broken: {problem}")
    if not problems:
        print(f"{len(found)} entries, unbroken; head {end}")
    return _BROKEN if problems else 0


def _rebuild(store: Store, options: argparse.Namespace) -> int:
    if options.lines is None:
        raise PlanError("name the file of JSON lines that lay beside the lost store")
    signers = Signers(options.signers) if options.signers else None
    with store.write() as connection:
        entries, asked = rebuild.rebuild(connection, mirror.read(options.lines), signers=signers)
    mirror.update(store)
    print(f"taken in: {entries} entries, {asked} acceptances; collect now, then: vps-sentry-fleet hosts")
    return 0


_STEPS = {"log": _log, "verify": _verify, "rebuild": _rebuild}

COMMAND = Command(
    about="the log of acceptances, a hash chain: show, verify, rebuild from", arguments=_arguments, run=_run
)
