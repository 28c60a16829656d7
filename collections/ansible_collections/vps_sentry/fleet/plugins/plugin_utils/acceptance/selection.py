# SPDX-License-Identifier: GPL-3.0-or-later
"""Which differences a plan is about: ``CHECK``, ``CHECK:KEYGLOB``, ``package:NAME`` or ``change-record``. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Iterable, Tuple

from .planfile import PlanError

PACKAGE, RECORD = "package", "change-record"
_CHECK = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)


@dataclass(frozen=True)
class Selection:
    """The parsed selectors; without any everything is meant, but nothing is meant by name."""

    only: Tuple[Tuple[str, str], ...] = ()
    """Check (or ``package``, ``change-record``) and glob, the glob empty where the whole is meant."""

    def names(self, check: str, key: str, *, explanation: str) -> bool:
        """Whether one of the selectors speaks of this item."""
        return any(_speaks(name, glob, (check, key, explanation)) for name, glob in self.only)

    def means(self, check: str, key: str, *, explanation: str) -> bool:
        """Whether the item belongs into the plan."""
        return not self.only or self.names(check, key, explanation=explanation)

    def means_all_of(self, check: str) -> bool:
        """Whether the whole check is meant, even where it has nothing to show."""
        return not self.only or (check, "") in self.only


def _speaks(name: str, glob: str, item: Tuple[str, str, str]) -> bool:
    check, key, explanation = item
    if name == PACKAGE:
        return explanation.startswith(f"{PACKAGE}:") and fnmatchcase(explanation[len(PACKAGE) + 1 :], glob)
    if name == RECORD:
        return explanation.startswith(RECORD)
    return name == check and (not glob or fnmatchcase(key, glob))


def parse(only: Iterable[str]) -> Selection:
    """Raises PlanError naming the selector that means nothing."""
    found = []
    for text in only:
        name, colon, glob = text.partition(":")
        if (name == PACKAGE and not glob) or (name == RECORD and colon) or (colon and not glob):
            raise PlanError(f"only={text}: write CHECK, CHECK:KEYGLOB, package:NAME or change-record")
        if name not in (PACKAGE, RECORD) and not _CHECK.fullmatch(name):
            raise PlanError(f"only={text}: {name[:40]!r} is not the name of a check")
        found.append((name, glob))
    return Selection(tuple(found))
