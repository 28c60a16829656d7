# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apply
short_description: Hand a host what a reviewed plan wants accepted there
version_added: 0.1.0
description:
  - Hands the host its part of a plan that M(vps_sentry.fleet.accept) began, and collects the host right after.
  - The host accepts exactly the reviewed items or refuses; only its next bundle decides what is believed.
  - A host for which nothing waits is skipped, and so is one that waits for the canaries of its plan.
  - One that cannot be reached is asked again until the plan expires.
options:
  store:
    description: URL of the store, see M(vps_sentry.fleet.collect).
    type: str
  cohort:
    description: See M(vps_sentry.fleet.collect).
    type: str
  cohort_groups:
    description: See M(vps_sentry.fleet.collect).
    type: list
    elements: str
    default: []
  max_age:
    description: See M(vps_sentry.fleet.collect).
    type: int
  agent:
    description: Path of the agent on the host.
    type: path
    default: /usr/local/bin/vps-sentry
author:
  - vps-sentry authors (@vps-sentry)
attributes:
  action:
    description: Has an action plugin, runs one command on the host and uploads nothing.
    support: full
  check_mode:
    description: Skipped in check mode.
    support: full
"""

EXAMPLES = r"""
- name: Hand over what waits for this host
  vps_sentry.fleet.apply:
"""

RETURN = r"""
state:
  description: What the host answered, V(accepted), V(stale), V(refused) or V(pending).
  type: str
  returned: when something waited for the host
"""
