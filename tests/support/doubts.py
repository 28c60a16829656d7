# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of a store that are not believed."""

from __future__ import annotations

from typing import Collection

from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import schema, trust_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils._libraries import sa
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.trust import Doubt


def doubt(connection: sa.Connection, names: Collection[str], *, at: str) -> None:
    """Open a doubt about each of these hosts that takes its vote."""
    for row in connection.execute(sa.select(schema.host.c.id, schema.host.c.name)).all():
        if row.name in names:
            trust_store.keep(connection, row.id, doubts=[Doubt("fork", "critical", "two stories")], at=at)
