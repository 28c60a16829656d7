# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetch, verify and store the bundle of one host: one command there, no module, no variable made of its words."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Optional

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils import collecting, fetch, limits
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils._libraries import LibraryError
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.acceptance import delivery
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.cohort import CohortError, cohort_of
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.rehearsal import rehearse
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.store import Store, StoreError, open_store
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.verify import VerifyError

# Ansible imports this once and then forks for each host.
rehearse()

ARGUMENTS = {
    "store": {"type": "str"},
    "cohort": {"type": "str"},
    "cohort_groups": {"type": "list", "elements": "str", "default": []},
    "max_age": {"type": "int"},
    "agent": {"type": "path", "default": fetch.AGENT},
    "hand_over": {"type": "bool", "default": False},
}


class Collector(ActionBase):
    """What every action that collects a host has in common."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def given(self, tmp: Optional[str], task_vars: Optional[Dict[str, Any]]) -> Dict[str, Any]:
        """The arguments with ``name`` and ``groups`` of the inventory, as plain values."""
        super().run(tmp, task_vars)
        inventory = task_vars or {}
        _checked, given = self.validate_argument_spec(ARGUMENTS)
        # Ansible's values are tagged subclasses; a round trip makes them the plain ones they look like.
        names = {"name": inventory["inventory_hostname"], "groups": inventory["groups"]}
        plain: Dict[str, Any] = json.loads(json.dumps({**given, **names}))
        return plain

    def collect(self, store: Store, plain: Dict[str, Any]) -> Dict[str, Any]:
        """Ask the host for its bundle and keep it; what it brought."""
        cohort = cohort_of(plain["name"], plain["groups"], explicit=plain["cohort"], preferred=plain["cohort_groups"])
        asked = collecting.begin(store, plain["name"], cohort=cohort, max_age=plain["max_age"])
        return self._collect(store, asked, agent=plain["agent"])

    def _collect(self, store: Store, asked: collecting.Asked, *, agent: str) -> Dict[str, Any]:
        try:
            answer = self._fetch(fetch.command(agent), asked.request)
            done = collecting.take(store, asked, answer)
        except AnsibleConnectionFailure as exc:
            collecting.miss(store, asked, outcome="unreachable", reason=exc.message)
            raise
        except AnsibleActionFail as exc:
            collecting.miss(store, asked, outcome="failed", reason=str(exc))
            raise AnsibleActionFail(f"no bundle from {asked.name}: {exc}") from exc
        except VerifyError as exc:
            raise AnsibleActionFail(f"no bundle from {asked.name}: {exc}") from exc
        return {
            "changed": False,
            "cohort": asked.cohort,
            "bytes": done.size,
            "moved": done.moved,
            "new_buckets": done.new_buckets,
            "observed": done.observed,
            "accepted": done.accepted,
        }

    def _fetch(self, command: str, request: bytes) -> bytes:
        try:
            with fetch.memory_ceiling():
                # in_data keeps the ssh connection from asking for a terminal, which would mix stderr into stdout.
                answer = self._low_level_execute_command(command, sudoable=True, in_data=request)
        except MemoryError as exc:
            raise AnsibleActionFail(f"its answer needs more than {fetch.MEMORY} bytes of memory") from exc
        if answer["rc"] != 0:
            told = limits.show(answer["stderr"].strip(), limit=300) or fetch.hint(answer["rc"])
            raise AnsibleActionFail(f"`vps-sentry bundle` ended with {answer['rc']}: {told}")
        return str(answer["stdout"]).encode("utf-8", "surrogateescape")

    def hand_over(self, store: Store, plain: Dict[str, Any]) -> Optional[Dict[str, Any]]:
        """Hand over what waits for the host and collect it right after; None when nothing waits."""
        handed = delivery.take_up(store, plain["name"])
        if handed is None:
            return None
        try:
            command = delivery.command(plain["agent"])
            answer = self._low_level_execute_command(command, sudoable=True, in_data=handed.order)
        except AnsibleConnectionFailure as exc:
            delivery.missed(store, handed, reason=exc.message)
            raise
        state, reason = delivery.answered(store, handed, text=answer["stdout"] or answer["stderr"])
        if state == "accepted":
            self.collect(store, plain)
        return {"changed": state == "accepted", "state": state, "msg": reason}


class ActionModule(Collector):
    """``vps_sentry.fleet.collect``."""

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        plain = self.given(tmp, task_vars)
        if self._task.check_mode:
            return {"changed": False, "skipped": True, "msg": "collecting fills the store; not done in check mode"}
        try:
            with open_store(plain["store"], environ=os.environ) as store:
                found = self.collect(store, plain)
                return {**found, **((plain["hand_over"] and self.hand_over(store, plain)) or {})}
        except (CohortError, LibraryError, StoreError) as exc:
            raise AnsibleActionFail(str(exc)) from exc
