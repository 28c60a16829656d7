# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts are expected equal: the cohort of a host, from the inventory alone (docs/contracts.md section 11).

What hosts say themselves of it, operating system and architecture, ``platform`` adds.
"""

from __future__ import annotations

from typing import Mapping, Optional, Sequence

EVERYBODY = "all"
_NO_COHORT = frozenset({EVERYBODY, "ungrouped"})


class CohortError(ValueError):
    """The inventory's words about a host's cohort cannot be used."""


def cohort_of(
    name: str, groups: Mapping[str, Sequence[str]], *, explicit: Optional[str] = None, preferred: Sequence[str] = ()
) -> str:
    """The cohort of host ``name``.

    ``groups`` is the inventory (group -> hosts), ``explicit`` the host's ``vps_sentry_cohort``, ``preferred`` the
    fleet's ``vps_sentry_cohort_groups``. A host in no group at all is compared with everybody. Raises CohortError.
    """
    if explicit is not None:
        return _checked(explicit)
    for group in preferred:
        if name in groups.get(group, ()):
            return _checked(group)
    own = [group for group, members in groups.items() if name in members and group not in _NO_COHORT]
    # Equal sizes: the first name in the alphabet, so that the answer does not depend on the inventory's order.
    return min(own, key=lambda group: (-len(groups[group]), group), default=EVERYBODY)


def _checked(name: str) -> str:
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise CohortError(f"vps_sentry_cohort and vps_sentry_cohort_groups name groups, not {name!r}")
    return name
