# SPDX-License-Identifier: GPL-3.0-or-later
"""What one step of the self-test found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "FAIL", "skip"]


@dataclass(frozen=True)
class Step:
    """One line of the self-test; ``reason`` says what to do where it failed."""

    verdict: Verdict
    name: str
    reason: str


def step(name: str, good: bool, *, reason: str) -> Step:
    """A step that either holds or does not."""
    return Step("ok" if good else "FAIL", name, reason)
