# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand one host what it has to accept, and collect it right after: only its bundle says what really came of it."""

from __future__ import annotations

import os
from typing import Any, Dict, Optional

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.vps_sentry.fleet.plugins.action.collect import Collector
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils._libraries import LibraryError
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import delivery
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.cohort import CohortError
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store, StoreError, open_store


class ActionModule(Collector):
    """``vps_sentry.fleet.apply``."""

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        plain = self.given(tmp, task_vars)
        if self._task.check_mode:
            return {"changed": False, "skipped": True, "msg": "accepting changes hosts; not done in check mode"}
        try:
            with open_store(plain["store"], environ=os.environ, create=False) as store:
                handed = delivery.take_up(store, plain["name"])
                if handed is None:
                    return {"changed": False, "skipped": True, "msg": "nothing waits for this host"}
                state, reason = self._hand_over(store, handed, agent=plain["agent"])
                if state == "accepted":
                    self.collect(store, plain)
        except (CohortError, LibraryError, StoreError) as exc:
            raise AnsibleActionFail(str(exc)) from exc
        return {"changed": state == "accepted", "state": state, "msg": reason}

    def _hand_over(self, store: Store, handed: delivery.Handed, *, agent: str) -> tuple[str, str]:
        try:
            answer = self._low_level_execute_command(delivery.command(agent), sudoable=True, in_data=handed.order)
        except AnsibleConnectionFailure as exc:
            delivery.missed(store, handed, reason=exc.message)
            raise
        return delivery.answered(store, handed, text=answer["stdout"] or answer["stderr"])
