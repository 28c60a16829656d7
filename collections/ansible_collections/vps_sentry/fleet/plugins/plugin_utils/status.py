# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``vps-sentry status --format json`` says, read as the words of a stranger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from . import limits

_STANDING = ("open", "changed")
_TEXT = 80


class StatusError(ValueError):
    """That is no status; the message is safe to print."""


@dataclass(frozen=True)
class Status:
    """The last look of a host. Texts are printable and short, whatever the host says."""

    version: str
    time: str
    baseline: str
    """``accepted``, ``none`` or ``lost``."""
    sequence: int
    critical: int
    warning: int
    failed: int
    """Checks that could not do their work."""
    waiting: int
    """Messages not shipped yet."""

    @property
    def line(self) -> str:
        """All of it for a person."""
        accepted = f"baseline #{self.sequence}" if self.baseline == "accepted" else f"baseline {self.baseline}"
        words = [f"{self.critical} critical", f"{self.warning} warning", accepted]
        words += [f"{self.failed} checks failed"] if self.failed else []
        words += [f"{self.waiting} messages waiting"] if self.waiting else []
        return ", ".join([*words, f"looked {self.time}", self.version])


def read_status(answer: str) -> Status:
    """The status in a host's answer. Raises StatusError."""
    try:
        limits.measure(answer.encode("utf-8", "surrogateescape"))
        document = json.loads(answer)
        alerts = [alert for alert in document["alerts"] if alert["state"] in _STANDING]
        return Status(
            version=_text(document["version"]),
            time=_text(document["time"]),
            baseline=_text(document["baseline"]["status"]),
            sequence=int(document["baseline"]["sequence"]),
            critical=_count(alerts, severity="critical"),
            warning=_count(alerts, severity="warning"),
            failed=_count(document["checks"].values(), status="failed"),
            waiting=int(document["outbox"]),
        )
    except (limits.LimitError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise StatusError("its answer is no status") from exc


def _count(entries: Any, **wanted: str) -> int:
    return sum(all(found[key] == value for key, value in wanted.items()) for found in entries)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text expected")
    return limits.show(value, limit=_TEXT)
