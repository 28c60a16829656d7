# SPDX-License-Identifier: GPL-3.0-or-later
"""``waivers``: what is waived, by whom, why and until when; end one before its last day."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from dataclasses import asdict

from .. import waivers, wording
from ..acceptance import mirror
from ..limits import show
from ..moment import now
from ..page import Page, Span, Table, draw
from ..store import Store
from ..terminal import wants_color, width_of
from ..waivers import Waiver
from . import Command

_SCHEMA, _ERROR = 1, 1


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--end", type=int, metavar="NUMBER", help="let this one hold no longer")


def _run(store: Store, options: argparse.Namespace) -> int:
    at = now()
    if options.end is not None:
        with store.write() as connection:
            ended = waivers.end(connection, options.end, at=at, by=getpass.getuser())
        if not ended:
            print(f"vps-sentry-fleet: no waiver #{options.end} holds; see: vps-sentry-fleet waivers", file=sys.stderr)
            return _ERROR
        mirror.update(store)
    with store.read() as connection:
        found = waivers.holding(connection, at=at)
    if options.format == "json":
        told = [{**asdict(one), "values": None if one.values is None else sorted(one.values)} for one in found]
        print(json.dumps({"schema": _SCHEMA, "waivers": told}))
        return 0
    page: Page = [Table(("NUMBER", "CHECK", "ITEM", "WHERE", "UNTIL", "BY", "REASON"), [_row(one) for one in found])]
    print(draw(page, color=wants_color(sys.stdout, os.environ), width=width_of(sys.stdout)), end="")
    return 0


def _row(one: Waiver) -> tuple[Span, ...]:
    where = f"{one.place} {show(one.name)}".rstrip()
    cells = (
        str(one.id),
        show(one.check),
        wording.name(one.pattern),
        where,
        one.expires,
        show(one.by),
        show(one.reason),
    )
    return tuple((cell, "") for cell in cells)


COMMAND = Command(about="what is waived, by whom, why and until when", arguments=_arguments, run=_run)
