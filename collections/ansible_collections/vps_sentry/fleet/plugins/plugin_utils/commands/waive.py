# SPDX-License-Identifier: GPL-3.0-or-later
"""``waive``: want a difference for a while, with a reason and a last day."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from typing import FrozenSet, Optional, Set, Tuple

from .. import past, roster, waivers
from .._libraries import sa
from ..acceptance import mirror
from ..compare import Text
from ..core import canonical
from ..core.clock import epoch, rfc3339
from ..core.units import duration
from ..moment import now
from ..store import Store
from ..waivers import Place, Waiver
from . import Command

_SCHEMA, _ERROR = 1, 1


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("check", metavar="CHECK")
    parser.add_argument(
        "key", metavar="KEY", help="an item, then its present value is waived and no other; or a glob of items"
    )
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--host", metavar="HOST")
    place.add_argument("--cohort", metavar="COHORT", help="as compare prints it")
    place.add_argument("--fleet", action="store_true", help="on every host")
    parser.add_argument("--for", dest="lifetime", required=True, metavar="7d", help="how long")
    parser.add_argument("--reason", required=True, metavar="TEXT")


def _run(store: Store, options: argparse.Namespace) -> int:
    at = now()
    try:
        expires = rfc3339(epoch(at) + duration(options.lifetime))
        with store.write() as connection:
            kept = _waiver(connection, options, times=(at, expires))
            number = waivers.add(connection, kept)
    except (past.PastError, ValueError) as exc:
        print(f"vps-sentry-fleet: {exc}", file=sys.stderr)
        return _ERROR
    mirror.update(store)
    if options.format == "json":
        print(json.dumps({"schema": _SCHEMA, "waiver": number, "expires": expires}))
    else:
        print(f"waiver #{number} holds until {expires}; end it before with: vps-sentry-fleet waivers --end {number}")
    return 0


def _waiver(connection: sa.Connection, options: argparse.Namespace, *, times: Tuple[str, str]) -> Waiver:
    place, name = _place(options)
    glob = waivers.is_glob(options.key)
    values = None if glob else _values(connection, options, place=place, name=name)
    return Waiver(
        id=0,
        check=options.check,
        pattern=options.key,
        place=place,
        name=name,
        values=values,
        reason=options.reason,
        by=getpass.getuser(),
        at=times[0],
        expires=times[1],
    )


def _place(options: argparse.Namespace) -> Tuple[Place, str]:
    if options.host is not None:
        return "host", options.host
    return ("cohort", options.cohort) if options.cohort is not None else ("fleet", "")


def _values(connection: sa.Connection, options: argparse.Namespace, *, place: Place, name: str) -> FrozenSet[str]:
    """Fingerprints of what the item holds now there, absence included. Raises PastError when there is no such host."""
    rows = [row for row in roster.hosts(connection) if row.snapshot is not None]
    if place == "host":
        rows = [row for row in rows if row.name == name]
    elif place == "cohort":
        rows = [row for row in rows if name == row.cohort or name.startswith(f"{row.cohort}/")]
    if not rows:
        raise past.PastError(f"no collected host in {name or 'the fleet'}; see vps-sentry-fleet hosts")
    found: Set[Text] = set()
    for row in rows:
        head = past.choose(past.snapshots(connection, row.name), row.snapshot or 0)
        value = past.items_of(connection, head, axis="snapshot").get(options.check, {}).get(options.key)
        text: Optional[str] = None if value is None else canonical.dumps(value).decode("ascii")
        found.add(text)
    return waivers.pinned(found)


COMMAND = Command(
    about="want a difference for a while: what is critical only item by item, by its present value",
    arguments=_arguments,
    run=_run,
)
