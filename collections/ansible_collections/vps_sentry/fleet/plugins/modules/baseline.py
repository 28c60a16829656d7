# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: baseline
short_description: The accepted baseline of a host, what differs from it, and accepting exactly that
version_added: 0.1.0
description:
  - Without O(digest) the host looks anew and says what accepting would trust. It keeps that plan under its digest and
    accepts nothing.
  - With O(digest) the host accepts that plan, value by value as it was shown, and refuses if one of its own items has
    moved since. A plan that was accepted last is not accepted again.
  - On a host in signed mode only a proposal comes of it.
  - Texts of the host are cut and made printable. It needs no Python there.
options:
  digest:
    description: The plan to accept; RV(plan) of an earlier call, or of C(vps-sentry --accept-baseline --dry-run).
    type: str
  reason:
    description: Why, kept in the history of the host and told. Needed with O(digest).
    type: str
  agent:
    description: The agent's program on the host.
    type: path
    default: /usr/local/bin/vps-sentry
author:
  - vps-sentry authors (@vps-sentry)
attributes:
  action:
    description: Has an action plugin, runs one shell command on the host.
    support: full
  check_mode:
    description: Says whether the plan would be given to the host; only the host knows whether it would take it.
    support: full
"""

EXAMPLES = r"""
- name: See what accepting would trust
  vps_sentry.fleet.baseline:
  register: baseline

- name: Stop where something critical is among it
  ansible.builtin.assert:
    that: baseline.critical | length == 0
    fail_msg: "{{ baseline.critical }}"

- name: Accept exactly that
  vps_sentry.fleet.baseline:
    digest: "{{ baseline.plan }}"
    reason: nginx came with change 4711
  when: baseline.changes > 0
"""

RETURN = r"""
changes:
  description: How many items differ from the baseline, and the plan would trust.
  type: int
  returned: when the host was asked for a plan or accepted one
critical:
  description: The critical ones of these by name, 50 at most.
  type: list
  elements: str
  returned: when the host was asked for a plan or accepted one
digest:
  description: Digest of the accepted baseline, empty without one.
  type: str
  returned: when the host was asked for a plan or accepted one
outcome:
  description: V(planned), V(accepted) or V(proposed).
  type: str
  returned: success
plan:
  description: Digest of the plan, its name.
  type: str
  returned: success
refusals:
  description: Why a plan was refused; empty when it was not.
  type: list
  elements: str
  returned: when the host was asked for a plan or accepted one
sequence:
  description: Number of the accepted baseline, 0 without one.
  type: int
  returned: when the host was asked for a plan or accepted one
status:
  description: State of the accepted baseline, V(accepted), V(none) or V(lost).
  type: str
  returned: when the host was asked for a plan or accepted one
"""
