# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare what the store holds and print it; runs on the controller alone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, Optional

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.color import ANSIBLE_COLOR
from ansible.utils.display import Display
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import document, report
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils._libraries import LibraryError
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.arguments import FAIL_ON, STORE
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.moment import now
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.result_file import write_result
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import StoreError, open_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.survey import MAX_AGE, Options, Survey, survey

_ARGUMENTS = {
    "store": STORE,
    "axis": {"type": "str", "choices": ["snapshot", "accepted"], "default": "snapshot"},
    "max_age": {"type": "int", "default": MAX_AGE},
    "references": {"type": "list", "elements": "str", "default": []},
    "fail_on": FAIL_ON,
    "result_file": {"type": "path"},
}


class ActionModule(ActionBase):
    """``vps_sentry.fleet.compare``."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        super().run(tmp, task_vars)
        _checked, given = self.validate_argument_spec(_ARGUMENTS)
        plain = json.loads(json.dumps(given))
        try:
            with open_store(plain["store"], environ=os.environ, create=False) as store, store.read() as connection:
                how = Options(plain["axis"], plain["max_age"], frozenset(plain["references"]))
                found = survey(connection, at=now(), options=how)
            if plain["result_file"] is not None and not self._task.check_mode:
                write_result(Path(plain["result_file"]), document.to_json(found))
        except (LibraryError, StoreError, OSError) as exc:
            raise AnsibleActionFail(str(exc)) from exc
        Display().display(report.to_text(found, color=ANSIBLE_COLOR))
        reasons = sorted(_conditions(found) & set(plain["fail_on"]))
        return {
            "changed": False,
            "failed": bool(reasons),
            "msg": f"failed on: {', '.join(reasons)}" if reasons else "compared",
            "exit_code": found.exit_code,
            "hosts": found.hosts,
            "differences": len(found.open),
        }


def _conditions(found: Survey) -> set[str]:
    """The words of ``fail_on`` that hold; critical differences are drift too."""
    holds = {"drift": bool(found.open), "critical": found.critical, "incomplete": found.incomplete}
    return {word for word, held in holds.items() if held}
