# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a host what its last look found: one command, and of the answer only what is expected of it."""

from __future__ import annotations

import json
from typing import Any, Dict, Optional

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import fetch, limits, remedies
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.status import Status, StatusError, read_status

_COMMAND = f"{fetch.AGENT} status --format json | head -c {limits.MAX_BYTES}"


class ActionModule(ActionBase):
    """``vps_sentry.fleet.status_info``."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        super().run(tmp, task_vars)
        self.validate_argument_spec({})
        name = str((task_vars or {})["inventory_hostname"])
        try:
            with fetch.memory_ceiling():
                answer = self._low_level_execute_command(_COMMAND, sudoable=True)
        except AnsibleError as exc:
            raise AnsibleActionFail(f"{name}: not reached: {remedies.told(exc.message)}") from exc
        except MemoryError as exc:
            raise AnsibleActionFail(f"{name}: its answer needs more than {fetch.MEMORY} bytes of memory") from exc
        try:
            found: Status = read_status(answer["stdout"])
        except StatusError as exc:
            said = "" if answer["stdout"].strip() else answer["stderr"].strip()
            cause = remedies.told(said) if said else f"{exc}; install the agent, or look with: sudo vps-sentry status"
            raise AnsibleActionFail(f"{name}: {cause}") from exc
        return {"changed": False, "line": found.line, **json.loads(json.dumps(vars(found)))}
