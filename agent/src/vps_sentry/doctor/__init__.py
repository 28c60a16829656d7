# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with an installation, one line each with its remedy; nothing is changed by looking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Literal, Optional

from ..config import Config
from ..host import Host
from ..store import Store

Verdict = Literal["ok", "warn", "FAIL", "skip"]


@dataclass(frozen=True)
class Advice:
    """One line: what was looked at, how it stands, and what to do where it does not stand well."""

    verdict: Verdict
    name: str
    text: str


@dataclass(frozen=True)
class Patient:
    """The installation. ``now`` is seconds since the epoch, ``user`` the effective uid."""

    host: Host
    store: Store
    package: str
    """Where the code lies that runs."""
    config_path: str
    config: Optional[Config]
    """None where it cannot be used."""
    config_problem: str
    now: int
    user: int


def diagnose(patient: Patient) -> Iterator[Advice]:
    """Everything that is looked at, in the order in which to mend it."""
    from . import agent, delivery, sight, system

    yield from system.about(patient)
    yield from agent.about(patient)
    yield from sight.about(patient)
    yield from delivery.about(patient)


def judged(name: str, problem: str, *, good: str, verdict: Verdict = "FAIL") -> Advice:
    """``good`` where there is no problem."""
    return Advice(verdict, name, problem) if problem else Advice("ok", name, good)
