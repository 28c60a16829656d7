# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: accept
short_description: Plan what a fleet accepts, begin a reviewed plan, say what came of it
version_added: 0.1.0
description:
  - With O(state=planned) it writes a plan of what differs from the accepted baselines and prints it; nothing changes.
  - With O(state=begun) it verifies a plan, asks, and records what each host is asked; M(vps_sentry.fleet.apply) asks.
  - With O(state=told) it says which hosts hold the plan now, and why the others do not.
  - Runs once, on the controller alone.
options:
  state:
    description: What to do.
    type: str
    choices: [planned, begun, told]
    required: true
  plan:
    description: The plan's file, or that of a profile, for V(begun) and V(told).
    type: path
  profile:
    description:
      - Refuse a O(plan) that is no profile, and do not ask, for people said yes to a profile when they signed it.
    type: bool
    default: false
  folder:
    description: Where a plan is written.
    type: path
    default: .
  hosts:
    description: Plan for these hosts only.
    type: list
    elements: str
  cohorts:
    description: Plan for these cohorts only.
    type: list
    elements: str
    default: []
  only:
    description: Plan for these items only, each C(CHECK), C(CHECK:KEYGLOB), C(package:NAME) or C(change-record).
    type: list
    elements: str
    default: []
  critical:
    description: Plan critical items that O(only) does not name, too.
    type: bool
    default: false
  adopt:
    description: Plan for hosts without a baseline what their cohort accepted, and nothing else.
    type: bool
    default: false
  rollback:
    description: Plan to go back to the baseline of this number, V(0) for the one before.
    type: int
  expires:
    description: Accept for a time only, such as V(2h); then the values before hold again.
    type: str
  reason:
    description: Why; kept on the hosts and in the audit log.
    type: str
    default: ''
  fleet_id:
    description: The fleet's name, as the hosts have it in their configuration.
    type: str
  confirm:
    description: Begin without asking.
    type: bool
    default: false
  max:
    description: How many hosts one plan may change, a number or a percentage. By default 25%, at most 20.
    type: str
  canary:
    description: Hand over to one host of each cohort first. By default with more than ten hosts.
    type: bool
  signers:
    description: An allowed_signers file, see ssh-keygen(1); with it a plan must be signed, from then on always.
    type: path
  revoked:
    description: A revocation list of keys, see ssh-keygen(1).
    type: path
  critical_signers:
    description: How many people must have signed a plan that trusts something critical.
    type: int
    default: 1
  store:
    description: URL of the store, see M(vps_sentry.fleet.collect).
    type: str
  fail_on:
    description:
      - The task fails when one of these holds. V(drift) there is something to accept, V(critical) a host refused,
        V(incomplete) some hosts are not done.
      - Without it the task never fails for what it finds.
    type: list
    elements: str
    choices: [never, drift, critical, incomplete]
    default: []
  result_file:
    description: Write the plan or what came of it as JSON to this file, mode 0600.
    type: path
author:
  - vps-sentry authors (@vps-sentry)
attributes:
  action:
    description: Has an action plugin, runs on the controller.
    support: full
  check_mode:
    description: Prints the plan, writes nothing and asks no host.
    support: full
"""

EXAMPLES = r"""
- name: Plan what to accept
  vps_sentry.fleet.accept:
    state: planned
    only: ports

- name: Begin what was reviewed
  vps_sentry.fleet.accept:
    state: begun
    plan: plan-5a1cf7e0b3c64d0e9a2f4c7d8e9f0a1b.json
    confirm: true
"""

RETURN = r"""
plan:
  description: The plan's file; absent when there is nothing to accept.
  type: str
  returned: success
exit_code:
  description: What C(vps-sentry-fleet accept) would exit with.
  type: int
  returned: success
"""
