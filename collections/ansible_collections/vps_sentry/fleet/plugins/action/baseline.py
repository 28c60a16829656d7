# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a host what accepting would trust, or accept exactly a plan that somebody has looked at."""

from __future__ import annotations

import json
import shlex
from typing import Any, Dict, Optional

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import fetch, host_baseline, limits, remedies

_ARGUMENTS = {
    "digest": {"type": "str"},
    "reason": {"type": "str"},
    "agent": {"type": "path", "default": fetch.AGENT},
}
_PLAN = "--accept-baseline --dry-run"
_ACCEPT = "--accept-baseline --digest {digest} --reason {reason}"
_LOG = "baseline log"


class ActionModule(ActionBase):
    """``vps_sentry.fleet.baseline``."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        super().run(tmp, task_vars)
        _checked, given = self.validate_argument_spec(_ARGUMENTS, required_together=[("digest", "reason")])
        digest, reason, self._agent = str(given["digest"] or ""), str(given["reason"] or ""), str(given["agent"])
        name = str((task_vars or {})["inventory_hostname"])
        if digest and not host_baseline.is_digest(digest):
            raise AnsibleActionFail(f"{name}: digest is the name of a plan, sha256: and 64 lower-case hex digits")
        try:
            if not digest:
                planned = host_baseline.read_acceptance(self._ask(name, _PLAN))
                return {**_result(planned, changed=False), "outcome": "planned"}
            if host_baseline.last_accepted(self._ask(name, _LOG)) == digest:
                return {"changed": False, "outcome": "accepted", "plan": digest}
            if self._task.check_mode:
                return {"changed": True, "outcome": "planned", "plan": digest}
            words = _ACCEPT.format(digest=digest, reason=shlex.quote(reason))
            found = host_baseline.read_acceptance(self._ask(name, words))
        except host_baseline.AcceptanceError as exc:
            raise AnsibleActionFail(f"{name}: {exc}; look with: sudo vps-sentry baseline show") from exc
        if found.outcome == "refused":
            raise AnsibleActionFail(f"{name}: refused: {'; '.join(found.refusals)}; plan anew, and look at that")
        return _result(found, changed=True)

    def _ask(self, name: str, words: str) -> str:
        """What the agent printed; with 5 (what was reviewed has moved) it may still be a document."""
        # No pipe, which would hide how the agent ended: the ceiling on memory is what holds a host that never stops.
        try:
            with fetch.memory_ceiling():
                answer = self._low_level_execute_command(
                    f"{shlex.quote(self._agent)} {words} --format json", sudoable=True
                )
        except AnsibleError as exc:
            raise AnsibleActionFail(f"{name}: not reached: {remedies.told(exc.message)}") from exc
        except MemoryError as exc:
            raise AnsibleActionFail(f"{name}: its answer needs more than {fetch.MEMORY} bytes of memory") from exc
        if answer["rc"] not in (0, 5) or not answer["stdout"].strip():
            said = answer["stderr"].strip() or fetch.hint(answer["rc"])
            raise AnsibleActionFail(f"{name}: {limits.show(remedies.told(said), limit=300)}")
        return str(answer["stdout"])


def _result(found: host_baseline.Acceptance, *, changed: bool) -> Dict[str, Any]:
    return {"changed": changed, **json.loads(json.dumps(vars(found)))}
