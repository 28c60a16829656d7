# SPDX-License-Identifier: GPL-3.0-or-later
"""``apply-acceptance -``: what a controller planned, and in signed mode what its signers signed."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from typing import Any, Dict, Tuple

from .. import memory, orders, signatures, trust
from .. import report as report_room
from ..accept import Outcome, Request
from ..core import canonical, codec
from ..core.order import NAMESPACE, Order
from ..errors import ConfigError
from ..pipeline import run_once
from ..report import EXIT_MOVED, EXIT_OK
from ..setup import Setup
from .output import print_json
from .setup import setup

LIMIT = 32 * 1024 * 1024
_NAME, _WORDS = 64, 500
"""Characters kept of who asks, and of why."""


def apply(options: argparse.Namespace) -> int:
    """Carry out one order from standard input; says what became of it as JSON."""
    order = _read(sys.stdin.buffer.read(LIMIT + 1))
    prepared = setup(options)
    known = memory.recall(prepared.store).baseline
    done = orders.carried_out(prepared.store, known, order=order)
    if done is not None:
        print_json({"outcome": "already", "refusals": [], "baseline": report_room.baseline_summary(known)})
        return EXIT_OK
    outcome = run_once(prepared, _request(prepared, order, accepted_signers=known.authority.signers)).outcome
    assert outcome is not None
    print_json(_document(outcome))
    return EXIT_MOVED if outcome.kind == "refused" else EXIT_OK


def _read(data: bytes) -> Order:
    if len(data) > LIMIT:
        raise ConfigError(f"the order on standard input is larger than {LIMIT} bytes")
    try:
        return codec.decode(Order, canonical.loads(data))
    except (canonical.CanonicalError, codec.CodecError) as exc:
        raise ConfigError(f"the order on standard input is not usable: {exc}") from exc


def _request(prepared: Setup, order: Order, *, accepted_signers: str) -> Request:
    """The order with what configuration and signatures say about it."""
    settings = prepared.config.accept
    path = (settings.allowed_signers if settings else None) or accepted_signers
    fleet_id, cohort = (settings.fleet_id, settings.cohort) if settings else (None, None)
    doubts = tuple(orders.foreign(order, fleet_id=fleet_id, cohort=cohort))
    request = Request(reason=order.reason[:_WORDS], by=f"{order.by[:_NAME]} (claimed, by the controller)", order=order)
    if path:
        who, problem = _signed_by(prepared, order, path=path)
        doubts += (problem,) if problem else ()
        request = replace(request, by=f"{' and '.join(who)} (signed)" if who else request.by, signers=path)
    return replace(request, doubts=doubts)


def _signed_by(prepared: Setup, order: Order, *, path: str) -> Tuple[Tuple[str, ...], str]:
    """Who signed, and why that does not count. Signers that cannot be read refuse: signed is a ratchet."""
    try:
        signers = trust.read(path, user=os.geteuid())
    except ConfigError as exc:
        return (), f"the signers cannot be read: {exc}"
    if signers is None:
        return (), f"{path} is gone although only signed plans count here; put it back"
    if order.signature is None:
        return (), f"the plan is not signed, and {path} names who must"
    who = signatures.signers_of(
        prepared.host,
        order.signature[: signatures.LENGTH],
        message=order.manifest.signed_bytes(),
        signers=signers,
        namespace=NAMESPACE,
    )
    return who, "" if who else f"no signature of the plan is by a signer in {path}, over this manifest, in {NAMESPACE}"


def _document(outcome: Outcome) -> Dict[str, Any]:
    return {
        "outcome": "stale" if outcome.stale else outcome.kind,
        "refusals": list(outcome.refusals),
        "baseline": report_room.baseline_summary(outcome.baseline),
    }
