# SPDX-License-Identifier: GPL-3.0-or-later
"""What an intruder does to stay, and what is said of it: rows as data, proved by a test, shown in docs/checks.md."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List

HEAD = """## What an intruder does, and what is said of it

Each row is performed on a real host with systemd, between two quiet ticks, by `tests/containers/test_actions.py`: the
very next tick leaves the quiet path and says the sentence; once the action is undone nothing stands open.

| action | ATT&CK | check | code | severity | sentence |
|---|---|---|---|---|---|"""


@dataclass(frozen=True)
class Action:
    """One thing an intruder does, how it is undone, and the alert it must raise at the next tick."""

    number: str
    """Short name of the row, such as ``A01``; unique."""
    technique: str
    """MITRE ATT&CK technique."""
    what: str
    """What is done, in words, for the table."""
    do: str
    """Shell commands, run by ``sh -euc`` as root of a fresh Debian host."""
    undo: str
    """Shell commands after which the host is as accepted; what the action brought is then told to have ended."""
    check: str
    code: str
    severity: str
    title: str
    """The sentence; ``*`` stands for what differs from run to run, such as a date."""
    before: str = ""
    """Shell commands that make the place ready and are accepted before the action."""
    after: str = ""
    """Shell commands that take away what ``before`` made."""


def load(folder: Path) -> List[Action]:
    """The rows of every file in ``folder``, by number. Raises ValueError when two have one number."""
    found = [row for path in sorted(folder.glob("*.py")) for row in _rows(path)]
    numbers = [row.number for row in found]
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    if twice:
        raise ValueError(f"two actions of one number in {folder}: {', '.join(twice)}")
    return sorted(found, key=lambda row: row.number)


def _rows(path: Path) -> List[Action]:
    spec = importlib.util.spec_from_file_location(f"actions_of_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: List[Action] = module.ROWS
    return found


def table(folder: Path) -> Iterator[str]:
    """The table, line by line; nothing where there are no rows."""
    rows = load(folder)
    if not rows:
        return
    yield HEAD
    for row in rows:
        cells = (f"{row.number}: {row.what}", row.technique, f"`{row.check}`", f"`{row.code}`", row.severity, row.title)
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|').replace('<', '&lt;') for cell in cells)} |"
    yield ""
