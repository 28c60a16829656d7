# SPDX-License-Identifier: GPL-3.0-or-later
"""One collect of a host that does not exist, before Ansible forks: what it builds, every process after it has.

Ansible asks each host in a process of its own. Without this each of them would build the validator, import what is
imported late and have SQLAlchemy compile the same statements anew, which is most of what an unchanged host costs.
"""

from __future__ import annotations

import contextlib
from tempfile import TemporaryDirectory

from . import collecting, ingest, simulate
from ._libraries import is_complete
from .acceptance import delivery
from .moment import now
from .store import StoreError, open_store
from .verify import verify

_RUNS = (1, 1, 2)
"""First contact, nothing new since, and another run."""


def rehearse() -> None:
    """Build it all now, if the libraries are there. It only saves work, so what is wrong is for the real collect."""
    if not is_complete():
        return
    with contextlib.suppress(StoreError, OSError), TemporaryDirectory(prefix="vps-sentry-") as folder:
        _collect(f"sqlite:///{folder}/fleet.sqlite")


def _collect(url: str) -> None:
    # One time for all: the same run is the same bundle whatever the clock does meanwhile.
    at = now()
    with open_store(url, environ={}) as store:
        for run in _RUNS:
            (said,) = simulate.bundles(simulate.Fleet(hosts=1, items=0), time=at, run=run)
            collecting.begin(store, said.name, cohort=said.cohort)
            bundle = verify(said.data, nonce=None, held=said.held)
            with store.write() as connection:
                ingest.ingest(connection, bundle, whose=ingest.Whose(said.name, said.cohort, asked=True), at=at)
            delivery.take_up(store, said.name)
