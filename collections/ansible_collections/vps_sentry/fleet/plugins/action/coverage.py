# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say which of the asked hosts brought a bundle and which did not."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Optional

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import report, roster
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils._libraries import LibraryError
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.arguments import FAIL_ON, STORE
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import StoreError, open_store

_ARGUMENTS = {
    "store": STORE,
    "hosts": {"type": "list", "elements": "str", "required": True},
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
            with open_store(plain["store"], environ=os.environ) as store, store.read() as connection:
                rows = roster.hosts(connection)
        except (LibraryError, StoreError) as exc:
            raise AnsibleActionFail(str(exc)) from exc
        asked = set(plain["hosts"])
        missing = [row for row in rows if row.name in asked and row.missed]
        unknown = sorted(asked - {row.name for row in rows})
        told = report.coverage_text(len(asked), missing=missing, unknown=unknown)
        Display().display(told)
        failed = bool(missing or unknown) and "incomplete" in plain["fail_on"]
        counts = {"asked": len(asked), "collected": len(asked) - len(missing) - len(unknown)}
        return {"changed": False, "failed": failed, **counts, **({"msg": told} if failed else {})}
