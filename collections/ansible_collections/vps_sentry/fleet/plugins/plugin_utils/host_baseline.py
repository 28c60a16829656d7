# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``vps-sentry --accept-baseline --format json`` and ``baseline log`` say, read as the words of a stranger."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Tuple

from . import limits

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_SHOWN = 50
_TEXT = 200
_OUTCOMES = ("accepted", "proposed", "refused")


class AcceptanceError(ValueError):
    """That is no answer of the agent; the message is safe to print."""


@dataclass(frozen=True)
class Acceptance:
    """A plan and the baseline it is for. Texts are printable and short, whatever the host says."""

    outcome: str
    """``accepted``, ``refused``, or ``proposed``: only planned, or more is not done in signed mode."""
    plan: str
    """Digest of the plan, ``sha256:`` + hex."""
    status: str
    """Of the baseline: ``accepted``, ``none`` or ``lost``."""
    sequence: int
    digest: str
    """Of the baseline; empty without one."""
    changes: int
    """What differs from the baseline, and the plan would trust."""
    critical: Tuple[str, ...]
    """The critical ones of these by name, 50 at most."""
    refusals: Tuple[str, ...]


def is_digest(text: str) -> bool:
    """Whether ``text`` can be the digest of a plan."""
    return bool(_DIGEST.fullmatch(text))


def read_acceptance(answer: str) -> Acceptance:
    """What one plan or one acceptance came to. Raises AcceptanceError."""
    document = _parse(answer)
    try:
        baseline, changes = document["baseline"], document["changes"]
        critical = [f"{c['change']} {c['check']} {c['key']}" for c in changes if c["severity"] == "critical"]
        return Acceptance(
            outcome=_one_of(document["outcome"], _OUTCOMES),
            plan=_digest(document["digest"]),
            status=_one_of(baseline["status"], ("accepted", "none", "lost")),
            sequence=int(baseline["sequence"]),
            digest=_digest(baseline["digest"]) if baseline["digest"] else "",
            changes=len(changes),
            critical=tuple(limits.show(name, limit=_TEXT) for name in critical[:_SHOWN]),
            refusals=tuple(limits.show(str(reason), limit=_TEXT) for reason in document["refusals"][:_SHOWN]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise AcceptanceError("its answer is no plan") from exc


def last_accepted(answer: str) -> str:
    """The plan that was accepted last, as ``baseline log`` knows it; empty where none was. Raises AcceptanceError."""
    try:
        plans = [entry["plan"] for entry in _parse(answer) if entry["kind"] in ("accepted", "rolled-back", "expired")]
        return _digest(plans[-1]) if plans else ""
    except (ValueError, KeyError, TypeError) as exc:
        raise AcceptanceError("its answer is no log of acceptances") from exc


def _parse(answer: str) -> Any:
    try:
        limits.measure(answer.encode("utf-8", "surrogateescape"))
        return json.loads(answer)
    except (limits.LimitError, ValueError, RecursionError) as exc:
        raise AcceptanceError("its answer is no JSON of the agent") from exc


def _digest(value: Any) -> str:
    if not isinstance(value, str) or not is_digest(value):
        raise TypeError("a digest expected")
    return value


def _one_of(value: Any, words: Tuple[str, ...]) -> str:
    if value not in words:
        raise ValueError("an unknown word")
    return str(value)
