# SPDX-License-Identifier: GPL-3.0-or-later
"""Changed files that no upgrade brought: each is compared at once with what its package says."""

from __future__ import annotations

from typing import Dict, Iterable, List, Tuple

from ..core.canonical import unescape
from ..core.model import Change, Voucher
from ..errors import CollectError
from .owners import owner_of
from .vouching import FILES, PROGRAMS, Known, read

_ASKED = 5000


def compare(known: Known, changes: Iterable[Change], *, vouchers: Tuple[Voucher, ...]) -> None:
    """Read what changed where packages put programs; ``known.found`` is told what each turned out to be."""
    explained = {(voucher.check, voucher.key) for voucher in vouchers}
    asked = [
        change.key
        for change in changes
        if change.check == FILES and (change.check, change.key) not in explained and PROGRAMS.fullmatch(change.key)
    ][:_ASKED]
    try:
        owners = owner_of(known.host, asked)
    except CollectError:
        # The look at the inventory has said so, or says so next time.
        return
    keys: Dict[str, List[str]] = {}
    for key, entry in known.entries.items():
        keys.setdefault(entry.name, []).append(key)
    for path, name in owners.items():
        place = unescape(path)
        for key in keys.get(name, ()):
            expected = dict(known.source.contents(key)).get(place)
            if expected is not None:
                read(known, place, expected=expected, package=key)
                break
