# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleet plans for tests: a few hosts of a cohort that differ in a few items."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Optional

from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import chain, selection
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.drafting import (
    Candidate,
    Difference,
    Draft,
    draft,
)
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.planfile import PlanFile

NOW = "2026-11-25T12:00:00Z"
KEY = "/root/.ssh/authorized_keys"


def text(**fields: Any) -> str:
    """A value as the store holds it."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))


def difference(key: str, after: Optional[str], before: Optional[str] = None, **more: str) -> Difference:
    """A file that differs."""
    return Difference(more.pop("check", "files"), key, before, after, **more)


CRON = difference("/opt/app/run", text(sha256="1" * 64, type="file"))
MOTD = difference("/etc/motd", text(sha256="2" * 64, type="file"), text(sha256="0" * 64, type="file"))
STOLEN = difference(KEY, text(sha256="3" * 64, type="file"))


def candidate(name: str, *differences: Difference, **changes: Any) -> Candidate:
    """A host of the cohort web with an accepted baseline."""
    host = Candidate(
        name, "web", machine_id=name.encode().hex().ljust(32, "0")[:32], sequence=7, differences=differences
    )
    return replace(host, **changes)


def order(*only: str, **changes: Any) -> Draft:
    """What a plan is made for."""
    usual = Draft(
        fleet_id="acme",
        store_id="store-1",
        log_head=chain.GENESIS,
        now=NOW,
        by="anna",
        reason="reviewed",
        selection=selection.parse(only),
    )
    return replace(usual, **changes)


def plan(*candidates: Candidate, **changes: Any) -> PlanFile:
    """A plan over ``candidates``, or over three usual ones."""
    return draft(order(**changes), candidates or (candidate("web-1", CRON), candidate("web-2", CRON, MOTD)))
