# SPDX-License-Identifier: GPL-3.0-or-later
"""``simulate``: fill a store with a fleet that does not exist."""

from __future__ import annotations

import argparse
import json
import time

from .. import roster
from ..ingest import Whose, ingest
from ..moment import now
from ..simulate import PREFIX, Fleet, bundles
from ..store import Store, StoreError
from ..verify import verify
from . import Command

_SCHEMA = 1


def _arguments(parser: argparse.ArgumentParser) -> None:
    usual = Fleet(hosts=1)
    parser.add_argument("--hosts", type=int, required=True, metavar="N")
    parser.add_argument("--items", type=int, default=usual.items, metavar="N", help="of each host (%(default)s)")
    parser.add_argument("--cohorts", type=int, default=usual.cohorts, metavar="N", help="%(default)s")
    parser.add_argument(
        "--drift",
        type=float,
        default=usual.drift,
        metavar="X",
        help="files of its own per host, on average (%(default)s)",
    )
    parser.add_argument(
        "--rollout", type=int, default=usual.rollout, metavar="P", help="percent of hosts amid an upgrade (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=usual.seed, metavar="N", help="another number, another fleet")
    parser.add_argument(
        "--run", type=int, default=1, metavar="N", help="number of the run the hosts are in", dest="number"
    )


def _run(store: Store, options: argparse.Namespace) -> int:
    fleet = Fleet(options.hosts, options.items, options.cohorts, options.drift, options.rollout, options.seed)
    with store.read() as connection:
        real = [row.name for row in roster.hosts(connection) if not row.name.startswith(PREFIX)]
    if real:
        raise StoreError(f"this store holds real hosts ({real[0]}); simulate into another one: --store sqlite:////PATH")
    moved, began = 0, time.process_time()
    for host in bundles(fleet, time=now(), run=options.number):
        with store.write() as connection:
            bundle = verify(host.data, nonce=None, held={**host.held, **roster.holdings(connection, host.name)})
            moved += ingest(connection, bundle, whose=Whose(host.name, host.cohort), at=now()).moved
    spent = round((time.process_time() - began) * 1000)
    if options.format == "json":
        print(json.dumps({"schema": _SCHEMA, "hosts": fleet.hosts, "moved": moved, "cpu_milliseconds": spent}))
    else:
        print(f"simulated {fleet.hosts} hosts of {fleet.items} items: {moved} moved, {spent / 1000:.1f} s of CPU")
    return 0


COMMAND = Command(
    about="fill a store of its own with a made-up fleet, by the way real bundles take",
    arguments=_arguments,
    run=_run,
    creates=True,
)
