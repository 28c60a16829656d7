# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: canaries
short_description: Choose one host of each cohort that goes first
version_added: 0.1.0
description:
  - Names for every host of the play the host of its cohort on which a change is tried first.
  - The cohort is that of M(vps_sentry.fleet.compare). Runs once for all hosts of the play.
options:
  enabled:
    description: Without, no host goes first.
    type: bool
    default: true
  cohort_groups:
    description: Groups that are cohorts; the first that a host is in counts.
    type: list
    elements: str
    default: []
  left_out:
    description: Name of a variable; hosts that have it take no part.
    type: str
    required: true
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
- name: Choose who goes first
  vps_sentry.fleet.canaries:
    left_out: refused
  register: rollout
  run_once: true
"""

RETURN = r"""
canary_of:
  description: The host that goes first, by host; an empty text where none does.
  type: dict
  returned: success
"""
