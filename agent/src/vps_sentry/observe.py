# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks -> snapshot: each check behind its own bulkhead, so that one failing check never hides another."""

from __future__ import annotations

import resource
import sys
import time
from typing import Dict, Mapping, NamedTuple

from .checks import Check, Context
from .core.model import Observation
from .errors import CollectError


class Observed(NamedTuple):
    """The observations of one run and what each cost in CPU milliseconds."""

    checks: Mapping[str, Observation]
    cost: Mapping[str, int]


def observe(checks: Mapping[str, Check], contexts: Mapping[str, Context]) -> Observed:
    """Collect every check of ``checks`` with its own context, in name order."""
    found: Dict[str, Observation] = {}
    cost: Dict[str, int] = {}
    for name in sorted(checks):
        before = time.process_time()
        found[name] = _one(checks[name], contexts[name])
        cost[name] = round((time.process_time() - before) * 1000)
    return Observed(found, cost)


def _one(check: Check, context: Context) -> Observation:
    if not context.options.enabled:
        return Observation("skipped", error="disabled by the configuration")
    if check.live and not context.host.live:
        return Observation("skipped", error="looks at the running system; not possible under --root")
    try:
        return check.collect(context)
    except CollectError as exc:
        return Observation("failed", error=str(exc))
    except Exception as exc:  # noqa: BLE001 - the bulkhead: a defect in one check must not stop the others
        # Imported here: a tick has to be cheap, and this never happens.
        import traceback

        traceback.print_exc(file=sys.stderr)
        return Observation(
            "failed", error=f"defect in check {check.name}: {type(exc).__name__}; see the log of this run"
        )


def max_rss_kib() -> int:
    """Peak memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
