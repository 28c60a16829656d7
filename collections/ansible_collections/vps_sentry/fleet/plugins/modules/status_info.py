# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: status_info
short_description: What the last look of a host found
version_added: 0.1.0
description:
  - Runs C(vps-sentry status) on the host and returns counts and the state of the baseline. Takes no new look.
  - Texts of the host are cut and made printable. It needs no Python there.
options: {}
author:
  - vps-sentry authors (@vps-sentry)
attributes:
  action:
    description: Has an action plugin, runs one shell command on the host.
    support: full
  check_mode:
    description: Changes nothing, in check mode or without.
    support: full
"""

EXAMPLES = r"""
- name: Ask for the status
  vps_sentry.fleet.status_info:
  register: status

- name: Stop a roll-out where something is wrong
  ansible.builtin.assert:
    that: status.critical == 0
"""

RETURN = r"""
baseline:
  description: State of the accepted baseline, V(accepted), V(none) or V(lost).
  type: str
  returned: success
critical:
  description: Number of critical alerts that stand open.
  type: int
  returned: success
failed:
  description: Number of checks that could not do their work.
  type: int
  returned: success
line:
  description: All of it in one line for a person.
  type: str
  returned: success
sequence:
  description: Number of the accepted baseline, 0 without one.
  type: int
  returned: success
time:
  description: When the last full look was taken, RFC 3339 UTC.
  type: str
  returned: success
version:
  description: Version of the agent.
  type: str
  returned: success
waiting:
  description: Number of messages that are not shipped yet.
  type: int
  returned: success
warning:
  description: Number of warnings that stand open.
  type: int
  returned: success
"""
