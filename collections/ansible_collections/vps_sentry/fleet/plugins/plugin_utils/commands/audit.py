# SPDX-License-Identifier: GPL-3.0-or-later
"""``audit``: the log of what was accepted by whom, and whether it is whole."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from ..acceptance import chain, log
from ..acceptance.chain import Entry
from ..limits import show
from ..store import Store
from . import Command

_BROKEN = 3


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("step", choices=("log", "verify"))
    parser.add_argument("--head", metavar="sha256:HEX", help="verify: a head that a plan or a message told once")


def _run(store: Store, options: argparse.Namespace) -> int:
    with store.read() as connection:
        found, heads, end = list(log.entries(connection)), log.heads(connection), log.head(connection)
    if options.step == "verify":
        return _verify(found, heads, end, asked=options.head)
    if options.format == "json":
        print(json.dumps([{**asdict(entry), "head": entry.head} for entry in found]))
    else:
        print("\n".join(_line(entry) for entry in found) or "nothing is on record yet")
    return 0


def _line(entry: Entry) -> str:
    detail = " ".join(f"{name}={show(str(value), limit=120)}" for name, value in sorted(entry.detail.items()))
    return f"{entry.n:>5}  {entry.at}  {show(entry.who)}  {entry.what}  {entry.plan_id}  {detail}"


def _verify(found: list[Entry], heads: list[str], end: str, *, asked: str | None) -> int:
    problems = list(chain.breaks(found, heads=heads))
    if asked is not None and asked not in (*heads, chain.GENESIS):
        problems.append(f"the head {show(asked)} is not in this log: entries were removed, or it is another store's")
    for problem in problems:
        print(f"broken: {problem}")
    if not problems:
        print(f"{len(found)} entries, unbroken; head {end}")
    return _BROKEN if problems else 0


COMMAND = Command(about="the log of acceptances, a hash chain: show it, verify it", arguments=_arguments, run=_run)
