# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: configuration
short_description: Make and check the configuration of a host
version_added: 0.1.0
description:
  - Makes one configuration out of a host's variables C(vps_sentry_config_NAME), C(vps_sentry_fleet_id) and
    C(vps_sentry_config), and checks it the way the agent would, on the controller, before any host is contacted.
  - Objects are merged and lists add up, so watched paths and expected ports of several groups are all there.
  - Two layers that give one option different values are refused. C(vps_sentry_config) has the last word.
  - Runs on the controller, with the variables this task sees. Register it and use C(no_log), for it returns secrets.
options: {}
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
- name: Make and check the configuration
  vps_sentry.fleet.configuration:
  register: configuration
  no_log: true
"""

RETURN = r"""
document:
  description: What C(/etc/vps-sentry.json) shall hold; empty where no such variable is set, or it cannot be used.
  type: str
  returned: success
refused:
  description: Why the configuration cannot be used; empty where it can.
  type: str
  returned: success
"""
