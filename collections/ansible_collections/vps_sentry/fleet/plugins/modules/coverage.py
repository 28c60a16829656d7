# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: coverage
short_description: Say which hosts brought a bundle
version_added: 0.1.0
description:
  - Prints how many of the hosts brought a bundle at their last collect and names the others with the reason.
  - Reads the store on the controller only.
options:
  store:
    description: URL of the store, see M(vps_sentry.fleet.collect).
    type: str
  hosts:
    description: Inventory names of the hosts that were asked.
    type: list
    elements: str
    required: true
  inventory:
    description:
      - Every host of the inventory. Hosts of the store that are not among them are asked about.
    type: list
    elements: str
  fail_on:
    description:
      - With V(incomplete) the task fails when a host is missing.
      - The other words concern M(vps_sentry.fleet.compare).
    type: list
    elements: str
    choices: [never, drift, critical, incomplete]
    default: []
author:
  - vps-sentry authors (@vps-sentry)
attributes:
  action:
    description: Has an action plugin, runs on the controller.
    support: full
  check_mode:
    description: Changes nothing, in check mode or without.
    support: full
"""

EXAMPLES = r"""
- name: Say which hosts were reached
  vps_sentry.fleet.coverage:
    hosts: "{{ ansible_play_hosts_all }}"
  run_once: true
"""

RETURN = r"""
asked:
  description: Number of hosts asked.
  type: int
  returned: success
collected:
  description: Number of hosts that brought a bundle.
  type: int
  returned: success
"""
