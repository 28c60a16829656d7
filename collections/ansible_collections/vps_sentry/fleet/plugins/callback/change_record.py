# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write down what plays change, so that drift which is exactly that has an explanation."""

from __future__ import annotations

DOCUMENTATION = r"""
name: change_record
type: notification
short_description: Write down what plays change on the hosts of the store
version_added: "0.1.0"
author: vps-sentry authors (@vps-sentry)
description:
  - Records of each changed task path, mode, owner and the digest of what was sent into the store of vps-sentry, with
    play, task, user and the git revision of the playbook's folder.
  - Drift that equals such a record is explained as C(change-record) in plans and comparisons, and
    C(accept.yml -e only=change-record) plans exactly that.
  - Content counts only where the controller itself knows it. That is so for C(copy), for C(get_url) with a
    C(sha256) checksum, and for C(template) while the play runs with C(--diff) (or C([diff] always = true)).
  - Tasks with C(no_log), check mode, tasks that failed, and hosts that were never collected from leave no record.
options:
  store:
    description: URL of the store, as for M(vps_sentry.fleet.collect); without it the usual place.
    type: str
    env:
      - name: VPS_SENTRY_STORE
    ini:
      - section: callback_change_record
        key: store
requirements:
  - enabling it, C(callbacks_enabled = vps_sentry.fleet.change_record) in the section C([defaults]) of C(ansible.cfg)
"""

import getpass  # noqa: E402
import json  # noqa: E402
from typing import Any, Optional  # noqa: E402

from ansible import constants  # noqa: E402
from ansible.errors import AnsibleError  # noqa: E402
from ansible.plugins.callback import CallbackBase  # noqa: E402
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.changes import content, reading  # noqa: E402
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.changes.scribe import Scribe  # noqa: E402

_BUILTIN = ("ansible.builtin.", "ansible.legacy.")


class CallbackModule(CallbackBase):
    """``vps_sentry.fleet.change_record``."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "vps_sentry.fleet.change_record"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._files = content.Files()
        self._loader: Any = None
        self._scribe: Optional[Scribe] = None
        self._playbook = ""

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self._playbook = str(playbook._file_name)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        if self._scribe is None:
            self._scribe = Scribe(self.get_option("store"), self._display.warning, getpass.getuser())
        self._scribe.write()
        self._scribe.playbook, self._scribe.play = self._playbook, _plain(play.get_name())
        self._loader = play.get_loader()

    def v2_playbook_on_stats(self, stats: Any) -> None:
        if self._scribe is not None:
            self._scribe.write()

    def v2_runner_on_ok(self, result: Any) -> None:
        # The rounds of a loop came one by one before.
        if not (result.task.loop or result.task.loop_with):
            self._note(result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        self._note(result)

    def _note(self, result: Any) -> None:
        said, asked, task = result.result, result.task_fields, result.task
        hidden = task.no_log or asked.get("no_log") or said.get("_ansible_no_log") or "censored" in said
        if self._scribe is None or hidden or asked.get("check_mode") or not result.is_changed():
            return
        done = reading.Done(
            action=_short(_plain(task.resolved_action or task.action)),
            args=_plain(asked.get("args") or {}),
            result=said,
            scratch=constants.DEFAULT_LOCAL_TMP,
            local=lambda name: self._local(task, name),
        )
        change = reading.change(done)
        if change is not None:
            host = asked.get("delegate_to") or result.host.get_name()
            self._scribe.note(_plain(host), change, task=_plain(task.get_name()))

    def _local(self, task: Any, name: str) -> Optional[content.Content]:
        try:
            found = self._loader.path_dwim_relative_stack(task.get_search_path(), "files", name)
        except AnsibleError:
            return None
        return self._files.of(str(found))


def _plain(value: Any) -> Any:
    """Without the types by which Ansible follows where a value came from."""
    return json.loads(json.dumps(value, default=str))


def _short(action: str) -> str:
    for prefix in _BUILTIN:
        action = action.removeprefix(prefix)
    return action
