# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a host before anything is changed: one command, no module, so it also ends in a sentence without Python."""

from __future__ import annotations

import hashlib
import json
import shlex
from pathlib import Path
from typing import Any, Dict, Optional

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import collector, remedies

DEPLOY = Path(__file__).resolve().parents[2] / "roles/agent/files/deploy"
_ARGUMENTS = {
    "files": {"type": "dict", "required": True},
    "overwrite": {"type": "bool", "default": False},
    "collect_user": {"type": "str", "default": ""},
    "collect_keys": {"type": "list", "elements": "str", "default": []},
    "collect_from": {"type": "list", "elements": "str", "default": []},
}
_HINT = "-e vps_sentry_overwrite=true"


class ActionModule(ActionBase):
    """``vps_sentry.fleet.preflight``."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        super().run(tmp, task_vars)
        _checked, given = self.validate_argument_spec(_ARGUMENTS)
        plain = json.loads(json.dumps(given))
        name = str((task_vars or {})["inventory_hostname"])
        wrong = collector.mistakes(plain["collect_user"], keys=plain["collect_keys"], origins=plain["collect_from"])
        if wrong:
            raise AnsibleActionFail(f"{name}: {'; '.join(wrong)}. This host was not contacted.")
        record = "".join(f"{_digest(source)}  {place}\n" for place, source in sorted(plain["files"].items()))
        said = self._ask(name, _command(record, overwrite=plain["overwrite"]))
        if said.get("obstacle", "it is no POSIX system"):
            raise AnsibleActionFail(f"{name}: {said['obstacle']}. Nothing was changed on this host.")
        return {
            "changed": False,
            "record": record,
            "active": said.get("venv", "").rpartition("/")[2],
            "previous": said.get("previous", "").rpartition("/")[2],
            "systemd_installed": said.get("systemd") in ("installed", "running"),
            "systemd_running": said.get("systemd") == "running",
            **{word: word in said for word in ("timer", "run", "machine")},
        }

    def _ask(self, name: str, command: str) -> Dict[str, str]:
        """What the host said of itself, by key."""
        try:
            answer = self._low_level_execute_command(command, sudoable=True)
        except AnsibleError as exc:
            # No way there, or no way to be root there: sudo's password is asked for by the connection.
            raise AnsibleActionFail(f"{name}: not reached: {remedies.told(exc.message)}") from exc
        lines = [line.strip().partition("=") for line in answer["stdout"].splitlines()]
        if answer["rc"] != 0 or not any(line[0] == "obstacle" for line in lines):
            words = f"{answer['stderr']}\n{answer['stdout']}"
            raise AnsibleActionFail(
                f"{name}: could not be looked at: {remedies.told(words)}. Nothing was changed there."
            )
        return {key: value for key, sign, value in lines if sign}


def _digest(source: str) -> str:
    return hashlib.sha256((DEPLOY / source).read_bytes()).hexdigest()


def _command(record: str, *, overwrite: bool) -> str:
    settings = {"wanted": record, "overwrite": "yes" if overwrite else "no", "hint": _HINT}
    given = " ".join(f"{name}={shlex.quote(value)}" for name, value in settings.items())
    # Ansible may append to it (local hosts, no become), which a line of its own would not bear.
    return f"{given}\n{(DEPLOY / 'inspect.sh').read_text('ascii').rstrip()}"
