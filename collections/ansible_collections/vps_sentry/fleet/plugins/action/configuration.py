# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make each host's configuration out of its layers and let the agent judge it, before any host is contacted."""

from __future__ import annotations

import json
from typing import Any, Dict, Optional

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import agent_package, layers
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils._libraries import LibraryError


class ActionModule(ActionBase):
    """``vps_sentry.fleet.configuration``: once for all hosts of the play."""

    TRANSFERS_FILES = False
    BYPASS_HOST_LOOP = True
    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        super().run(tmp, task_vars)
        inventory = task_vars or {}
        self.validate_argument_spec({})
        try:
            judge = _Judge()
        except LibraryError as exc:
            raise AnsibleActionFail(str(exc)) from exc
        for host in inventory["ansible_play_hosts"]:
            judge.hear(str(host), inventory["hostvars"][host])
        return {"changed": False, "documents": judge.documents, "refused": judge.refused, "warnings": judge.warnings}


class _Judge:
    """What the hosts are going to hold, and why some are not."""

    def __init__(self) -> None:
        self.documents: Dict[str, str] = {}
        self.refused: Dict[str, str] = {}
        self.warnings: list[str] = []
        self._agent = agent_package.Agent()
        self._known: Dict[str, list[str]] = {}

    def hear(self, host: str, variables: Any) -> None:
        try:
            found = {str(name): variables[name] for name in variables if layers.is_layer(str(name))}
            # Ansible's values are tagged subclasses; a round trip makes them the plain ones they look like.
            composed = layers.compose(json.loads(json.dumps(found)))
            if composed is None:
                return
            document = json.dumps(composed, indent=2, sort_keys=True) + "\n"
            # The hosts of a group mostly have the same one.
            if document not in self._known:
                self._known[document] = self._agent.check(composed)
        except (layers.LayerError, agent_package.ConfigurationError) as exc:
            self.refused[host] = str(exc)
        except (AnsibleError, TypeError) as exc:
            # A template that fails, a vault that cannot be opened; the text could quote what was in it.
            self.refused[host] = (
                f"the variables cannot be read ({type(exc).__name__}): is one undefined, or the vault shut?"
            )
        else:
            self.documents[host] = document
            self.warnings += [f"{host}: {word}" for word in self._known[document]]
