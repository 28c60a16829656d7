# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes down what a play changes: collected while it runs, into the store between plays, never in a task's way."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Optional

from ..moment import now
from .record import Change, Entry, Origin

PATIENCE = 3
"""Seconds to wait for the store at the end of a play."""
_GIT_SECONDS = 2
_MOST = 100_000
"""Changes held back while the store cannot be written; with more the run goes on unrecorded."""


@dataclass
class Scribe:
    """``warn`` is called with each kind of trouble once."""

    store: Optional[str]
    warn: Callable[[str], None]
    by: str
    playbook: str = ""
    """The playbook's file; empty for a command without one."""
    play: str = ""
    _waiting: List[Entry] = field(default_factory=list)
    _revisions: Dict[str, str] = field(default_factory=dict)
    _warned: List[str] = field(default_factory=list)

    def note(self, host: str, change: Change, *, task: str) -> None:
        """Remember that ``task`` changed something on ``host``."""
        if len(self._waiting) < _MOST:
            name = os.path.basename(self.playbook)
            origin = Origin(name, self.play, task, self._revision(), self.by, now())
            self._waiting.append(Entry(host, change, origin))

    def write(self) -> None:
        """Bring what was remembered into the store; what cannot be written now waits for the next time."""
        if not self._waiting:
            return
        # Imported where something changed: the database layer costs a play without changes more than all the rest.
        from .._libraries import LibraryError
        from ..store import StoreError, open_store
        from . import notebook

        try:
            opened = open_store(self.store, environ=os.environ, create=False, patience=PATIENCE)
            with opened as store, store.write() as connection:
                unknown = notebook.save(connection, self._waiting, at=now())
        except (LibraryError, StoreError) as exc:
            self._tell("unwritten", f"what this play changes is not recorded: {exc}")
            return
        self._waiting.clear()
        if unknown:
            self._tell("unknown", f"changes on {', '.join(sorted(unknown))} are not recorded: never collected from")

    def _tell(self, kind: str, text: str) -> None:
        if kind not in self._warned:
            self._warned.append(kind)
            self.warn(text)

    def _revision(self) -> str:
        """The commit in the playbook's folder, with ``-dirty`` where files differ from it; empty outside of git."""
        folder = str(Path(self.playbook).absolute().parent) if self.playbook else ""
        if folder and folder not in self._revisions:
            self._revisions[folder] = _described(folder)
        return self._revisions.get(folder, "")


def _described(folder: str) -> str:
    argv = ["git", "-C", folder, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, check=True, timeout=_GIT_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError, UnicodeError):
        return ""
    return done.stdout.strip()[:64]
