# SPDX-License-Identifier: GPL-3.0-or-later
"""``keys``: which SSH key opens which hosts."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict

from .. import keyring, wording
from ..keyring import Key
from ..limits import show
from ..page import Page, Span, Table, draw
from ..store import Store
from ..terminal import wants_color, width_of
from . import Command

_SCHEMA = 1


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", metavar="HOST", help="only the keys that open this host")


def _run(store: Store, options: argparse.Namespace) -> int:
    with store.read() as connection:
        found = keyring.keys(connection)
    if options.host is not None:
        found = [key for key in found if any(opened[0] == options.host for opened in key.opens)]
    if options.format == "json":
        print(json.dumps({"schema": _SCHEMA, "keys": [asdict(key) for key in found]}))
        return 0
    page: Page = [Table(("KEY", "TYPE", "CALLED", "RESTRICTED", "HOSTS", "OPENS"), [_row(key) for key in found])]
    print(draw(page, color=wants_color(sys.stdout, os.environ), width=width_of(sys.stdout)), end="")
    return 0


def _row(key: Key) -> tuple[Span, ...]:
    opens = wording.names([f"{account}@{host}" for host, account in key.opens])
    called = ", ".join(wording.name(comment, limit=40) for comment in key.comments)
    cells = (
        show(key.fingerprint),
        show(", ".join(key.kinds)),
        called,
        "yes" if key.restricted else "no",
        str(key.hosts),
    )
    return *((cell, "") for cell in cells), (opens, "")


COMMAND = Command(about="which SSH key opens which accounts of which hosts", arguments=_arguments, run=_run)
