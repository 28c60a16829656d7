# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose one host of each cohort that goes first; runs on the controller, once for all hosts of the play."""

from __future__ import annotations

import json
from typing import Any, Dict, Optional

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.cohort import CohortError, cohort_of

_ARGUMENTS = {
    "enabled": {"type": "bool", "default": True},
    "cohort_groups": {"type": "list", "elements": "str", "default": []},
    "left_out": {"type": "str", "required": True},
}


class ActionModule(ActionBase):
    """``vps_sentry.fleet.canaries``."""

    TRANSFERS_FILES = False
    BYPASS_HOST_LOOP = True
    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        super().run(tmp, task_vars)
        inventory = task_vars or {}
        _checked, given = self.validate_argument_spec(_ARGUMENTS)
        plain = json.loads(json.dumps(given))
        groups = json.loads(json.dumps(inventory["groups"]))
        first: Dict[str, str] = {}
        chosen = {}
        for host in map(str, inventory["ansible_play_hosts"]):
            variables = inventory["hostvars"][host]
            if variables.get(plain["left_out"]) is not None:
                continue
            try:
                explicit = variables.get("vps_sentry_cohort")
                cohort = cohort_of(host, groups, explicit=explicit and str(explicit), preferred=plain["cohort_groups"])
            except CohortError as exc:
                raise AnsibleActionFail(str(exc)) from exc
            chosen[host] = first.setdefault(cohort, host)
        return {"changed": False, "canary_of": chosen if plain["enabled"] else dict.fromkeys(chosen, "")}
