# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller with its hosts that is killed by SIGKILL at one step after the other, a process of its own each time.

``python mortal.py BASE PLAN``: BASE holds a garden (see garden.py) and its store. For each N a process applies PLAN in
a copy of it, ``BASE.N``, and dies at its Nth step; the last copy is of one that lived. Steps are the moments just
before a commit of the store or a rename or removal of a host's state file: nothing else changes what anybody reads.
"""

from __future__ import annotations

import functools
import os
import shutil
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any, Callable

from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import open_store
from support.garden import Garden

NAMES = ("web-1", "web-2")
CHANGED = {"n": 9}
LATER = 3600
"""Seconds by which the hosts' clocks are ahead of when BASE was made."""
MOST = 500


def garden_in(folder: Path, store: Any) -> Garden:
    """The garden of a copy; every host shows the change that the plan is about."""
    garden = Garden(folder, store, *NAMES)
    for world in garden.hosts.values():
        world.items["a"] = dict(CHANGED)
        world.now += LATER
    return garden


def url_of(folder: Path) -> str:
    """The store of a copy."""
    return f"sqlite:///{folder}/fleet.sqlite"


def _apply(folder: Path, plan: Path) -> None:
    with open_store(url_of(folder), environ={}) as store:
        garden = garden_in(folder, store)
        garden.desk.begin(plan, {"max": "100%", "canary": False})
        garden.hand_over()
        garden.desk.recap(plan)


def _mortal(number: int) -> None:
    """From now on this process dies just before its step of that number."""
    left = number

    def step() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def after_a_step(call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def stepped(*given: Any, **named: Any) -> Any:
            step()
            return call(*given, **named)

        return stepped

    class Connection(sqlite3.Connection):
        """Commits, if it gets so far."""

        def commit(self) -> None:
            if self.in_transaction:
                step()
            super().commit()

    sqlite3.dbapi2.connect = functools.partial(sqlite3.dbapi2.connect, factory=Connection)  # type: ignore[assignment]
    for name in ("replace", "unlink"):
        setattr(os, name, after_a_step(getattr(os, name)))


def _dies(folder: Path, plan: Path, *, number: int) -> bool:
    child = os.fork()
    if child == 0:
        _mortal(number)
        _apply(folder, plan)
        os._exit(0)
    _child, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return True
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"step {number}: ended with {status}")
    return False


def main(base: Path, plan: Path) -> None:
    """Raises SystemExit when a process ends otherwise than by its death or its work."""
    for number in range(1, MOST):
        folder = base.with_name(f"{base.name}.{number}")
        shutil.copytree(base, folder)
        if not _dies(folder, plan, number=number):
            return
    sys.exit(f"more than {MOST} steps")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
