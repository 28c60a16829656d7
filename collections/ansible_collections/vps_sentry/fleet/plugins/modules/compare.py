# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: compare
short_description: Name the hosts that differ from their peers
version_added: 0.1.0
description:
  - Compares the hosts of each cohort in the store item by item and prints coverage, votes and the hosts that differ.
  - Reads the store on the controller only; no host is contacted.
options:
  store:
    description: URL of the store, see M(vps_sentry.fleet.collect).
    type: str
  axis:
    description: Compare what runs now, V(snapshot), or what was accepted, V(accepted).
    type: str
    choices: [snapshot, accepted]
    default: snapshot
  max_age:
    description: A host that missed this many collects in a row has no vote.
    type: int
    default: 3
  references:
    description: Hosts whose values are the right ones in their cohort, whatever the others vote.
    type: list
    elements: str
    default: []
  fail_on:
    description:
      - The task fails when one of these holds; critical differences are drift too.
      - Without it findings never fail.
    type: list
    elements: str
    choices: [never, drift, critical, incomplete]
    default: []
  result_file:
    description: Write the comparison as JSON to this file, mode 0600.
    type: path
author:
  - vps-sentry authors (@vps-sentry)
attributes:
  action:
    description: Has an action plugin, runs on the controller.
    support: full
  check_mode:
    description: Compares and prints, but writes no O(result_file).
    support: full
"""

EXAMPLES = r"""
- name: Compare the fleet
  vps_sentry.fleet.compare:
    fail_on: critical
    result_file: /root/comparison.json
"""

RETURN = r"""
exit_code:
  description: What C(vps-sentry-fleet compare) would exit with.
  type: int
  returned: always
hosts:
  description: Number of hosts in the store.
  type: int
  returned: always
differences:
  description: Number of differences that nothing explains.
  type: int
  returned: always
"""
