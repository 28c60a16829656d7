# SPDX-License-Identifier: GPL-3.0-or-later
"""``--accept-baseline`` and ``baseline rollback``."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Dict, Tuple

from .. import memory
from .. import report as report_room
from ..accept import Outcome, Request
from ..core import codec
from ..core.model import Severity
from ..core.units import duration
from ..errors import ConfigError
from ..pipeline import run_once
from ..report import EXIT_MOVED, EXIT_OK
from ..setup import Setup
from . import text
from .output import print_json, print_lines
from .setup import operator, read_login_uid, setup

if TYPE_CHECKING:
    import argparse

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


def accept(options: argparse.Namespace) -> int:
    """One acceptance, or its plan."""
    prepared = setup(options)
    _refuse_unknown(prepared, tuple(options.only))
    if options.digest and not _DIGEST.fullmatch(options.digest):
        raise ConfigError("--digest takes the name of a kept plan: sha256: and 64 lower-case hex digits")
    if options.digest and (options.dry_run or options.only):
        raise ConfigError("--digest accepts a kept plan as it is; leave out --dry-run and --only")
    request = Request(
        only=tuple(options.only),
        dry_run=options.dry_run,
        digest=options.digest,
        reason=options.reason,
        by=operator(os.environ, login_uid=read_login_uid()),
        signed=prepared.config.signed,
        lifetime=_lifetime(options, signed=prepared.config.signed),
    )
    return _carry_out(prepared, request, as_json=options.format == "json")


def _lifetime(options: argparse.Namespace, *, signed: bool) -> int:
    """Seconds an acceptance holds; 0 without --expires."""
    if options.expires is None:
        return 0
    if options.dry_run or signed:
        raise ConfigError(
            "--expires is said when something is accepted, not when it is only planned; leave it out here"
        )
    try:
        found = duration(options.expires)
    except ValueError as exc:
        raise ConfigError(f"--expires: {exc}") from exc
    if not found:
        raise ConfigError("--expires: nothing is accepted for no time at all")
    return found


def roll_back(options: argparse.Namespace) -> int:
    """``baseline rollback [SEQ]``: an earlier baseline holds again, under a new number."""
    prepared = setup(options)
    sequence = options.sequence
    if sequence is None:
        sequence = memory.recall(prepared.store).baseline.sequence - 1
    request = Request(
        reason=options.reason,
        by=operator(os.environ, login_uid=read_login_uid()),
        signed=prepared.config.signed,
        rollback=sequence,
    )
    return _carry_out(prepared, request, as_json=options.format == "json")


def _carry_out(prepared: Setup, request: Request, *, as_json: bool) -> int:
    outcome = run_once(prepared, request).outcome
    assert outcome is not None
    severities = _severities(prepared, outcome)
    if as_json:
        print_json(_document(outcome, severities))
    else:
        signed = request.signed or bool(outcome.baseline.authority.signers)
        print_lines([*text.plan(outcome, severities), "", *text.outcome(outcome, signed=signed)])
    return EXIT_MOVED if outcome.kind == "refused" else EXIT_OK


def _refuse_unknown(prepared: Setup, only: Tuple[str, ...]) -> None:
    for selector in only:
        name = selector.partition(":")[0]
        if name not in prepared.checks:
            raise ConfigError(f"--only {selector}: no check {name}; there are {', '.join(sorted(prepared.checks))}")


def _severities(prepared: Setup, outcome: Outcome) -> Dict[Tuple[str, str], Severity]:
    rated: Dict[Tuple[str, str], Severity] = {}
    for change in outcome.proposal.changes:
        rated[change.check, change.key] = prepared.rate(change).severity
    return rated


def _document(outcome: Outcome, severities: Dict[Tuple[str, str], Severity]) -> Dict[str, Any]:
    changes = [
        {**report_room.change_document(change), "severity": severities[change.check, change.key]}
        for change in outcome.proposal.changes
    ]
    return {
        "outcome": outcome.kind,
        "plan": codec.encode(outcome.proposal.plan),
        "digest": outcome.proposal.plan.name,
        "changes": changes,
        "refusals": list(outcome.refusals),
        "baseline": report_room.baseline_summary(outcome.baseline),
    }
