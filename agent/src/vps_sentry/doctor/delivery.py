# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anybody is told, and whether anybody would notice silence."""

from __future__ import annotations

from typing import Iterator

from .. import deliveries
from ..core.clock import rfc3339
from ..errors import StoreError
from . import Advice, Patient, judged


def about(patient: Patient) -> Iterator[Advice]:
    """Sinks, the outbox, and the dead man's switch."""
    config = patient.config
    if config is not None:
        names = ", ".join(sorted(config.notify.sinks))
        controller = config.accept is not None or config.notify.delivery.mode == "controller"
        nobody = f"no sink is configured: nobody is told anything; add one under notify in {patient.config_path}"
        told = f"to {names}" if names else "the controller reads them"
        yield judged("alerts", "" if names or controller else nobody, good=told, verdict="warn")
        silent = "nobody would notice if this host fell silent; set notify.heartbeat.url, or collect it by a controller"
        watched = (
            "a heartbeat is sent after each run" if config.notify.delivery.heartbeat else "a controller collects it"
        )
        yield judged(
            "silence", "" if config.notify.delivery.heartbeat or controller else silent, good=watched, verdict="warn"
        )
    yield _outbox(patient)


def _outbox(patient: Patient) -> Advice:
    try:
        oldest, waiting = deliveries.oldest(patient.store), len(patient.store.names("outbox"))
    except StoreError as exc:
        return Advice("FAIL", "shipping", str(exc))
    shipped = deliveries.last_shipped(patient.store)
    last = f"the report of {shipped} was shipped last" if shipped else "nothing was ever shipped"
    stuck = bool(oldest) and patient.now - oldest >= deliveries.STUCK_SECONDS
    why = f"{waiting} messages wait, the oldest since {rfc3339(oldest)}; look with: journalctl -u vps-sentry-ship"
    return judged("shipping", why if stuck else "", good=f"{waiting} waiting, {last}")
