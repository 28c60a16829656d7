# SPDX-License-Identifier: GPL-3.0-or-later
"""Many hosts at once: threads move bytes, this one verifies and stores, and no more answers wait than threads run."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from typing import Dict, Iterator, Sequence, Tuple

from .. import collecting
from ..collecting import Asked
from ..limits import is_bare, show
from ..store import Store
from ..verify import VerifyError
from . import PullError, UnfitError
from .exchange import ask
from .link import Links
from .target import Target


@dataclass(frozen=True)
class Pulled:
    """What became of one host; ``outcome`` is ``collected``, ``unfit`` or a word of the record."""

    name: str
    outcome: str
    reason: str = ""
    moved: bool = False
    collects_only: bool = False
    """Its login runs one command, whatever is asked: nothing can be handed over with it."""


_Waiting = Dict["Future[bytes]", Tuple[Target, Asked]]


def pull(store: Store, targets: Sequence[Target], *, forks: int, seconds: float) -> Iterator[Pulled]:
    """Ask every target, ``forks`` at a time, each at most ``seconds`` long; results as they come."""
    waiting: _Waiting = {}
    with closing(Links()) as links, ThreadPoolExecutor(forks) as pool:
        for target in targets:
            if target.unfit:
                yield Pulled(target.name, "unfit", target.unfit)
                continue
            asked = collecting.begin(store, target.name, cohort=target.cohort, max_age=target.max_age)
            waiting[pool.submit(_fetch, links, target, asked.request, seconds)] = (target, asked)
            if len(waiting) >= forks:
                yield from _settled(store, waiting)
        while waiting:
            yield from _settled(store, waiting)


def _fetch(links: Links, target: Target, request: bytes, seconds: float) -> bytes:
    with links.open(target) as client:
        return ask(client, target, request=request, seconds=seconds)


def _settled(store: Store, waiting: _Waiting) -> Iterator[Pulled]:
    done, _left = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        _target, asked = waiting.pop(future)
        yield _settle(store, asked, future)


def _settle(store: Store, asked: Asked, future: Future[bytes]) -> Pulled:
    try:
        answer = future.result()
        taken = collecting.take(store, asked, answer)
        return Pulled(asked.name, "collected", moved=taken.moved, collects_only=is_bare(answer))
    except VerifyError as exc:
        return Pulled(asked.name, exc.outcome, str(exc))
    except UnfitError as exc:
        collecting.withdraw(store, asked)
        return Pulled(asked.name, "unfit", str(exc))
    except PullError as exc:
        outcome, reason = exc.outcome, str(exc)
    except Exception as exc:  # noqa: BLE001 one host's surprise must not end the others' turn
        outcome, reason = "failed", f"unexpected {type(exc).__name__}: {show(str(exc))}"
    collecting.miss(store, asked, outcome=outcome, reason=reason)
    return Pulled(asked.name, outcome, reason)
