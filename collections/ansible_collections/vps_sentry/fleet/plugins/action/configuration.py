# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a host's configuration out of its layers and let the agent judge it, before the host is contacted."""

from __future__ import annotations

import json
from typing import Any, Dict, Optional

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import agent_package, layers
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils._libraries import LibraryError


class ActionModule(ActionBase):
    """``vps_sentry.fleet.configuration``: one host, by the variables that this task sees."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        self.validate_argument_spec({})
        try:
            found = {name: self._templar.template(task_vars[name]) for name in task_vars if layers.is_layer(name)}
            return {"changed": False, "document": "", "refused": "", **_judge(found)}
        except LibraryError as exc:
            raise AnsibleActionFail(str(exc)) from exc
        except (layers.LayerError, agent_package.ConfigurationError) as exc:
            refused = str(exc)
        except (AnsibleError, TypeError) as exc:
            # A template that fails, a vault that cannot be opened; the text could quote what was in it.
            refused = f"the variables cannot be read ({type(exc).__name__}): is one undefined, or the vault shut?"
        return {"changed": False, "document": "", "refused": refused}


def _judge(found: Dict[str, Any]) -> Dict[str, Any]:
    """``document`` and ``warnings``, neither where no such variable is set. Raises what ``run`` catches."""
    # Ansible's values are tagged subclasses; a round trip makes them the plain ones they look like.
    composed = layers.compose(json.loads(json.dumps(found)))
    if composed is None:
        return {}
    warnings = agent_package.Agent().check(composed)
    return {"document": json.dumps(composed, indent=2, sort_keys=True) + "\n", "warnings": warnings}
