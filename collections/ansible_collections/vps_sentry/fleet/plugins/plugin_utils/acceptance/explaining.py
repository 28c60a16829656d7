# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a host differs from what it accepted, as far as this controller knows it from its own records."""

from __future__ import annotations

from .._libraries import sa
from ..changes import notebook
from ..changes.record import recorded
from .drafting import Difference
from .selection import RECORD
from .situation import Explain


def explainer(connection: sa.Connection, *, at: str) -> Explain:
    """What explains one difference of a host at the time ``at``: ``change-record: PLAYBOOK, task NAME``, or nothing."""
    known = notebook.records(connection, at=at)

    def explain(host: str, one: Difference) -> str:
        why = recorded(known.get(host, {}), (one.check, one.key, one.before, one.after))
        return f"{RECORD}: {why}" if why else ""

    return explain
