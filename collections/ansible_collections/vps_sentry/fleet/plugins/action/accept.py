# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a plan for review, begin a reviewed one, or say what came of it; runs on the controller alone, once."""

from __future__ import annotations

import getpass
import json
import os
from pathlib import Path
from typing import Any, Dict, Optional

from ansible.errors import AnsibleActionFail, AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils._libraries import LibraryError
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import desk
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance.planfile import PlanError
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.arguments import FAIL_ON, STORE
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.result_file import write_result
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import StoreError, open_store

_WORDS = {"type": "list", "elements": "str"}
_ARGUMENTS = {
    "store": STORE,
    "state": {"type": "str", "choices": ["planned", "begun", "told"], "required": True},
    "plan": {"type": "path"},
    "profile": {"type": "bool", "default": False},
    "folder": {"type": "path", "default": "."},
    "hosts": _WORDS,
    "cohorts": {**_WORDS, "default": []},
    "only": {**_WORDS, "default": []},
    "critical": {"type": "bool", "default": False},
    "adopt": {"type": "bool", "default": False},
    "rollback": {"type": "int"},
    "expires": {"type": "str"},
    "reason": {"type": "str", "default": ""},
    "fleet_id": {"type": "str"},
    "confirm": {"type": "bool", "default": False},
    "max": {"type": "str"},
    "canary": {"type": "bool"},
    "signers": {"type": "path"},
    "revoked": {"type": "path"},
    "critical_signers": {"type": "int", "default": 1},
    "fail_on": FAIL_ON,
    "result_file": {"type": "path"},
}


class ActionModule(ActionBase):
    """``vps_sentry.fleet.accept``."""

    TRANSFERS_FILES = False
    BYPASS_HOST_LOOP = True
    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        super().run(tmp, task_vars)
        _checked, given = self.validate_argument_spec(_ARGUMENTS)
        plain = json.loads(json.dumps(given))
        try:
            with open_store(plain["store"], environ=os.environ, create=False) as store:
                at_desk = desk.Desk(store, getpass.getuser(), may_write=not self._task.check_mode)
                told = getattr(self, f"_{plain['state']}")(at_desk, plain)
            if plain["result_file"] is not None and not self._task.check_mode:
                write_result(Path(plain["result_file"]), told.document)
        except (LibraryError, StoreError, PlanError, OSError) as exc:
            raise AnsibleActionFail(str(exc)) from exc
        Display().display(told.text)
        failed = sorted(told.conditions & set(plain["fail_on"]))
        words = f"failed on: {', '.join(failed)}" if failed else told.brief
        return {
            "changed": told.changed,
            "failed": bool(failed),
            "msg": words,
            "exit_code": told.exit_code,
            "plan": told.plan,
        }

    def _planned(self, at_desk: desk.Desk, plain: Dict[str, Any]) -> desk.Told:
        return at_desk.plan(plain, folder=Path(plain["folder"]))

    def _begun(self, at_desk: desk.Desk, plain: Dict[str, Any]) -> desk.Told:
        path = Path(plain["plan"])
        if not plain["profile"]:
            # Whoever signed a profile has read it; with each collect it would only hide what is new.
            text, question, answer = at_desk.review(path)
            Display().display(text)
            if not plain["confirm"] and at_desk.may_write:
                _ask(question, answer)
        return at_desk.begin(path, plain)

    def _told(self, at_desk: desk.Desk, plain: Dict[str, Any]) -> desk.Told:
        return at_desk.recap(Path(plain["plan"]))


def _ask(question: str, answer: str) -> None:
    hint = "say it without a terminal: -e confirm=yes"
    try:
        said: bytes | str = Display().prompt_until(f"{question}: ")
    except AnsiblePromptNoninteractive as exc:
        raise PlanError(f"nothing accepted: {question}; there is no terminal to ask at, {hint}") from exc
    except AnsiblePromptInterrupt as exc:
        raise PlanError("nothing accepted: interrupted") from exc
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    if words.strip() != answer:
        raise PlanError(f"nothing accepted: the answer was not {answer}")
