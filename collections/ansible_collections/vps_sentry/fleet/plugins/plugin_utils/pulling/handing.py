# SPDX-License-Identifier: GPL-3.0-or-later
"""What waits for hosts that were just collected is handed to them by the same login, as the playbook does it.

Few hosts have anything waiting, so each of them gets a connection of its own for it.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from typing import Iterator, Sequence

from ..acceptance import delivery, ledger
from ..acceptance.delivery import Handed
from ..acceptance.ledger import State
from ..store import Store
from . import PullError, UnfitError
from .exchange import hand
from .link import Links
from .target import Target


@dataclass(frozen=True)
class Told:
    """What a host said to what it was handed; ``pending``: it was not reached, or its answer was none."""

    name: str
    state: State
    reason: str


def hand_over(store: Store, targets: Sequence[Target], *, forks: int, seconds: float) -> Iterator[Told]:
    """Hand each of the targets what waits for it, if anything does, ``forks`` at a time; answers as they come."""
    with store.read() as connection:
        wanted = ledger.open_hosts(connection)
    asked = {}
    with closing(Links()) as links, ThreadPoolExecutor(forks) as pool:
        for target in targets:
            handed = delivery.take_up(store, target.name) if target.name in wanted else None
            if handed is not None:
                asked[pool.submit(_hand, links, target, handed.order, seconds)] = handed
        for future in as_completed(asked):
            yield _settled(store, asked[future], future)


def _hand(links: Links, target: Target, order: bytes, seconds: float) -> str:
    with links.open(target) as client:
        return hand(client, target, order=order, seconds=seconds)


def _settled(store: Store, handed: Handed, future: Future[str]) -> Told:
    try:
        text = future.result()
    except (PullError, UnfitError) as exc:
        return Told(handed.row.host, *delivery.missed(store, handed, reason=str(exc)))
    return Told(handed.row.host, *delivery.answered(store, handed, text=text))
