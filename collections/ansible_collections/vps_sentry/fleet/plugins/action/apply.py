# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand one host what it has to accept, and collect it right after: only its bundle says what really came of it."""

from __future__ import annotations

import os
from typing import Any, Dict, Optional

from ansible.errors import AnsibleActionFail
from ansible_collections.vps_sentry.fleet.plugins.action.collect import Collector
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils._libraries import LibraryError
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.cohort import CohortError
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import StoreError, open_store


class ActionModule(Collector):
    """``vps_sentry.fleet.apply``."""

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        plain = self.given(tmp, task_vars)
        if self._task.check_mode:
            return {"changed": False, "skipped": True, "msg": "accepting changes hosts; not done in check mode"}
        try:
            with open_store(plain["store"], environ=os.environ, create=False) as store:
                found = self.hand_over(store, plain)
        except (CohortError, LibraryError, StoreError) as exc:
            raise AnsibleActionFail(str(exc)) from exc
        return found or {"changed": False, "skipped": True, "msg": "nothing waits for this host"}
