# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say which of the asked hosts brought a bundle and which did not."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Optional

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import host_report, report, roster, trust_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils._libraries import LibraryError
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import ledger, log
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.arguments import FAIL_ON, STORE
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.moment import now
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store, StoreError, open_store

_ARGUMENTS = {
    "store": STORE,
    "hosts": {"type": "list", "elements": "str", "required": True},
    "inventory": {"type": "list", "elements": "str"},
    "fail_on": FAIL_ON,
}


class ActionModule(ActionBase):
    """``vps_sentry.fleet.coverage``."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        super().run(tmp, task_vars)
        _checked, given = self.validate_argument_spec(_ARGUMENTS)
        plain = json.loads(json.dumps(given))
        try:
            with open_store(plain["store"], environ=os.environ) as store:
                gone = _settle(store, plain["hosts"], plain["inventory"])
                with store.read() as connection:
                    rows, doubts = roster.hosts(connection), trust_store.standing(connection)
                    head = log.head(connection)
        except (LibraryError, StoreError) as exc:
            raise AnsibleActionFail(str(exc)) from exc
        asked = set(plain["hosts"])
        missing = [row for row in rows if row.name in asked and row.missed]
        unknown = sorted(asked - {row.name for row in rows})
        told = report.coverage_text(len(asked), missing=missing, unknown=unknown)
        more = host_report.gone_text(gone).rstrip() + host_report.doubts_text(doubts, told=_names(missing)).rstrip()
        Display().display(f"{told}{more}\n{log.told(head)}")
        failed = bool(missing or unknown) and "incomplete" in plain["fail_on"]
        counts = {"asked": len(asked), "collected": len(asked) - len(missing) - len(unknown)}
        return {"changed": False, "failed": failed, **counts, **({"msg": told} if failed else {})}


def _names(rows: List[roster.HostRow]) -> List[str]:
    return [row.name for row in rows]


def _settle(store: Store, asked: List[str], inventory: Optional[List[str]]) -> List[str]:
    """End what a time limit cut off, and what expired; the hosts of the store that the inventory no longer has."""
    with store.write() as connection:
        roster.settle_attempts(connection, asked, at=now())
        ledger.expire(connection, at=now())
        return [] if inventory is None else roster.note_inventory(connection, inventory, at=now())
