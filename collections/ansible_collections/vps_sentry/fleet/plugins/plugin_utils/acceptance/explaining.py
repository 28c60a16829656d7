# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a host differs from what it accepted: a package that it vouches for, or what this controller did there itself."""

from __future__ import annotations

from typing import Dict

from .. import ballots, roster, vouching
from .._libraries import sa
from ..changes import notebook
from ..changes.record import recorded
from ..vouchers import PACKAGES, explainable, packages_of
from .drafting import Difference
from .selection import PACKAGE, RECORD
from .situation import Explain


def explainer(connection: sa.Connection, *, at: str) -> Explain:
    """What explains one difference of a host at the time ``at``, or nothing.

    ``package:NAME``, or ``change-record: PLAYBOOK, task NAME``.
    """
    known = notebook.records(connection, at=at)
    roots = _installed(connection)
    vouched = vouching.load(connection, roots)
    held = vouching.held(connection, roots, packages=packages_of(vouched.said.values()))

    def explain(host: str, one: Difference) -> str:
        place = (one.check, one.key)
        if one.check == PACKAGES or explainable(place, (one.before, one.after)):
            package = vouched.package(host, place, after=one.after)
            # Whoever vouches with a package has to have it.
            if package and vouched.holds(host, package, value=held[roots[host]].get(package)):
                return f"{PACKAGE}:{package.partition(':')[0]}"
        why = recorded(known.get(host, {}), (one.check, one.key, one.before, one.after))
        return f"{RECORD}: {why}" if why else ""

    return explain


def _installed(connection: sa.Connection) -> Dict[str, int]:
    """Host -> root of its check ``packages``."""
    observed = {row.name: row.observed for row in roster.hosts(connection) if row.observed is not None}
    roots = ballots.roots_of(connection, observed.values())
    return {name: roots[state][PACKAGES] for name, state in observed.items() if PACKAGES in roots.get(state, {})}
