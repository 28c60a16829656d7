# SPDX-License-Identifier: GPL-3.0-or-later
"""While dpkg or rpm is at work its files are not judged, but only for a while, and never those that decide most."""

from __future__ import annotations

from typing import Iterable, Iterator

from ..core import digest
from ..core.model import Change, Voucher
from ..errors import CollectError
from ..host import Host
from . import running
from .index import Index
from .owners import owner_of
from .vouching import FILES, PROGRAMS, explainable

_ASKED = 5000


def since(host: Host, before: Index, *, clock: int) -> int:
    """Since when the package manager has been at work at each look; 0 when it is not, or at the very first look."""
    if not before.items or not running.running(host):
        return 0
    return before.pending or max(clock, 1)


def vouchers(host: Host, changes: Iterable[Change]) -> Iterator[Voucher]:
    """One for each changed file of a package that an upgrade could explain once it is done."""
    asked = [change for change in changes if change.check == FILES and explainable(change)][:_ASKED]
    try:
        owners = owner_of(host, [change.key for change in asked])
    except CollectError:
        # Its lists are being written; what is where packages put things waits for them.
        owners = {change.key: "" for change in asked if PROGRAMS.fullmatch(change.key)}
    for change in asked:
        if change.key in owners:
            yield Voucher(change.check, change.key, digest.digest(change.after), owners[change.key], "pending")
