# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say how a play went: how many hosts are done, which are not and why, and how to take those up again."""

from __future__ import annotations

import json
import shlex
from typing import Any, Dict, List, Optional

from ansible import context
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import limits

_ARGUMENTS = {
    "outcome": {"type": "str", "required": True},
    "line": {"type": "str"},
    "verb": {"type": "str", "required": True},
}
_LOST = "lost on the way; the reason stands above"


class ActionModule(ActionBase):
    """``vps_sentry.fleet.tally``."""

    TRANSFERS_FILES = False
    BYPASS_HOST_LOOP = True
    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        super().run(tmp, task_vars)
        inventory = task_vars or {}
        _checked, given = self.validate_argument_spec(_ARGUMENTS)
        plain = json.loads(json.dumps(given))
        hosts = [str(host) for host in inventory["ansible_play_hosts_all"]]
        there = {str(host) for host in inventory["ansible_play_hosts"]}
        missing = {}
        for host in hosts:
            reason = inventory["hostvars"][host].get(plain["outcome"]) if host in there else _LOST
            if reason is not None:
                missing[host] = limits.show(str(reason), limit=600).removeprefix(f"{host}: ")
        done = len(hosts) - len(missing)
        lines = [f"{plain['verb']}: {done} of {len(hosts)} hosts"]
        told = {host: inventory["hostvars"][host].get(plain["line"]) for host in hosts if plain["line"]}
        lines += [f"  {host}: {limits.show(str(line), limit=200)}" for host, line in told.items() if line is not None]
        lines += [f"  {host}: {reason}" for host, reason in missing.items()]
        if missing:
            lines.append(f"once mended: {_again(sorted(missing))}")
        Display().display("\n".join(["", *lines, ""]))
        return {"changed": False, "done": done, "missing": missing}


def _again(hosts: List[str]) -> str:
    """The command for those hosts alone. Variables given to it are not repeated: one could be a secret."""
    given = context.CLIARGS
    words = ["ansible-playbook"]
    for inventory in given.get("inventory") or ():
        words += ["-i", str(inventory)]
    words += ["--ask-become-pass"] if given.get("become_ask_pass") else []
    words += [*map(str, given.get("args") or ()), "--limit", ",".join(hosts)]
    return shlex.join(words) + (" (with the -e you gave)" if given.get("extra_vars") else "")
