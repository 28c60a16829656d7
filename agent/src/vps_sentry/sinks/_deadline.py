# SPDX-License-Identifier: GPL-3.0-or-later
"""One deadline over a whole delivery, name lookup included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, TypeVar, Union

from . import DeliveryError

if TYPE_CHECKING:
    import queue

T = TypeVar("T")
Outcome = Union[T, DeliveryError]


def in_time(work: Callable[[], Outcome[T]], *, seconds: float, who: str) -> T:
    """What ``work`` returns. Raises DeliveryError naming ``who`` when that is an error, or late.

    A thread does the work, because neither a hanging name lookup nor an answer sent byte by byte ever meets a
    socket's own time-out; one that is late is left behind and dies with this process. ``work`` returns what went
    wrong; should it raise instead, the delivery failed all the same.
    """
    # Every run reads the configuration and with it this file; only a delivery pays for these.
    import queue
    import threading

    answers: queue.SimpleQueue[Outcome[T]] = queue.SimpleQueue()
    threading.Thread(target=_run, args=(work, answers), name="vps-sentry-delivery", daemon=True).start()
    try:
        outcome = answers.get(timeout=seconds)
    except queue.Empty:
        raise DeliveryError(f"{who} gave no answer within {seconds:g} s", whole_sink=True) from None
    if isinstance(outcome, DeliveryError):
        # Without its cause: the text of a library's errors may hold the URL.
        told = DeliveryError(f"{who}: {outcome}", whole_sink=outcome.whole_sink, retry_after=outcome.retry_after)
        raise told from None
    return outcome


def _run(work: Callable[[], Outcome[T]], answers: queue.SimpleQueue[Outcome[T]]) -> None:
    outcome: Outcome[T] = DeliveryError("the library that talks to it failed", whole_sink=True)
    try:
        outcome = work()
    finally:
        answers.put(outcome)
