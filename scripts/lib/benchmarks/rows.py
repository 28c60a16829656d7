# SPDX-License-Identifier: GPL-3.0-or-later
"""A row of the budgets: what is measured, against what, and what it may cost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Optional, Sequence

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "agent" / "src"
PYTHON = "/usr/bin/python3"
BARE = [PYTHON, "-I", "-S", "-c", "pass"]
_TURNS = Path(__file__).with_name("turns.py")
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
_SECONDS = 3600


class SkippedError(Exception):
    """A row cannot be measured here; the message says why, and what would be needed."""


@dataclass(frozen=True)
class Contender:
    """A program to run; ``before`` are commands run before each of its turns and not counted."""

    argv: List[str]
    before: List[List[str]] = field(default_factory=list)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Figures:
    """Medians: CPU seconds (user and system), peak KiB; and every exit code seen."""

    cpu: float
    rss: float
    codes: List[int]


@dataclass(frozen=True)
class Measured:
    """What came out: the ratio the budget speaks of, and what else is worth saying."""

    ratio: float
    rss_kib: float = 0.0
    detail: str = ""
    beyond: str = ""
    """Why the budget does not speak of this host, though the figure is worth knowing."""


@dataclass(frozen=True)
class Row:
    """One line of the budgets. ``least`` says that the ratio must not be smaller, instead of not larger."""

    name: str
    about: str
    budget: float
    measure: Callable[[], Measured]
    rss_mib: Optional[int] = None
    least: bool = False
    cheap: bool = False
    """Takes seconds and says the same on every machine: measured by --check."""

    def met(self, found: Measured) -> Optional[bool]:
        """Whether ratio and memory are within the budget; None where it does not speak of such a host."""
        if found.beyond:
            return None
        within = found.ratio >= self.budget if self.least else found.ratio <= self.budget
        return within and (self.rss_mib is None or found.rss_kib <= self.rss_mib * 1024)


def by_turns(contenders: Mapping[str, Contender], *, rounds: int, inside: Sequence[str] = ()) -> Dict[str, Figures]:
    """Run all contenders one after the other, ``rounds`` times, each in a fresh process.

    ``inside`` is a command that runs another one where it has to be measured.
    """
    asked = {
        "rounds": rounds,
        "environment": _ENVIRONMENT,
        "contenders": {name: vars(contender) for name, contender in contenders.items()},
    }
    done = subprocess.run(
        [*inside, PYTHON, "-I", "-S", str(_TURNS)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise SkippedError(f"the measurement failed: {done.stderr.strip()[-300:]}")
    return {name: Figures(**figures) for name, figures in json.loads(done.stdout).items()}


def tool(name: str, package: str) -> str:
    """Where a program lies. Raises SkippedError naming the package that brings it."""
    found = shutil.which(name)
    if found is None:
        raise SkippedError(f"{name} is not installed (Debian: {package})")
    return found


def need_root() -> None:
    """Raises SkippedError for anybody but root."""
    if os.geteuid() != 0:
        raise SkippedError("only root can measure it: sudo scripts/bench")


def agent(program: str, *arguments: str) -> List[str]:
    """A command that runs ``program`` on the checkout's agent, started as lean as the agent is."""
    return [PYTHON, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(SOURCE)!r})\n{program}", *arguments]


def compiled() -> None:
    """Make the checkout's bytecode for the host's Python, as an installation does."""
    subprocess.run([PYTHON, "-I", "-m", "compileall", "-q", str(SOURCE)], check=True, stdout=sys.stderr)
