# SPDX-License-Identifier: GPL-3.0-or-later
"""``logins``: which address logged in where for the first time, and what moves through the fleet."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict

from .. import sightings, wording
from ..limits import show
from ..page import Page, Span, Table, draw, line
from ..sightings import Sighting
from ..store import Store
from ..terminal import wants_color, width_of
from . import Command

_SCHEMA, _CRITICAL = 1, 3


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", metavar="HOST", help="only of this host")


def _run(store: Store, options: argparse.Namespace) -> int:
    with store.read() as connection:
        everything = sightings.seen(connection)
    waves = sightings.waves(everything)
    found = [one for one in everything if one.kind == "address" and options.host in (None, one.host)]
    if options.format == "json":
        document = {"logins": [asdict(one) for one in found], "waves": [asdict(wave) for wave in waves]}
        print(json.dumps({"schema": _SCHEMA, **document}))
        return _CRITICAL if waves else 0
    page: Page = [Table(("FROM", "HOST", "ACCOUNT", "HOW", "FIRST SEEN", "LAST SEEN"), [_row(one) for one in found])]
    for wave in waves:
        page += [line(), line(("CRITICAL", "critical"), f"  {sightings.told(wave)}: {wording.names(wave.hosts)}")]
    print(draw(page, color=wants_color(sys.stdout, os.environ), width=width_of(sys.stdout)), end="")
    return _CRITICAL if waves else 0


def _row(one: Sighting) -> tuple[Span, ...]:
    cells = (show(one.subject) or "not known", wording.name(one.host), show(one.account), show(one.how))
    return *((cell, "") for cell in cells), (one.first_seen, "dim"), (one.last_seen, "dim")


COMMAND = Command(
    about="which address logged in where for the first time; 3 when one moves through the fleet",
    arguments=_arguments,
    run=_run,
)
