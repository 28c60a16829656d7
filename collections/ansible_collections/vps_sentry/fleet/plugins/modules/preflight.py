# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Look at a host before the agent is installed
version_added: 0.1.0
description:
  - Asks a host, in one command that needs no Python there, what an installation has to know, and fails with cause and
    remedy where it could not end well. Changes nothing.
options:
  collect_from:
    description: Where the keys of the user that collects are good from; judged before the host is contacted.
    type: list
    elements: str
    default: []
  collect_keys:
    description: Public keys of the user that collects; judged before the host is contacted.
    type: list
    elements: str
    default: []
  collect_user:
    description: The user that collects, empty where there is none.
    type: str
    default: ""
  files:
    description: The files that are going to be installed, by their place on the host; values are paths in C(deploy/).
    type: dict
    required: true
  overwrite:
    description: Whether files that were changed by hand or belong to others are going to be replaced.
    type: bool
    default: false
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
- name: Look at the host
  vps_sentry.fleet.preflight:
    files: {/usr/local/bin/vps-sentry: bin/vps-sentry}
  register: host
"""

RETURN = r"""
active:
  description: ID of the release that is active, empty where none is.
  type: str
  returned: success
machine:
  description: Whether the host has a machine id.
  type: bool
  returned: success
previous:
  description: ID of the release a rollback leads to, empty where none is known.
  type: str
  returned: success
record:
  description: SHA-256 and place of each file, a line each.
  type: str
  returned: success
run:
  description: Whether the agent has looked at least once.
  type: bool
  returned: success
systemd_installed:
  description: Whether there is a systemd.
  type: bool
  returned: success
systemd_running:
  description: Whether systemd has started the host.
  type: bool
  returned: success
timer:
  description: Whether the timer is installed.
  type: bool
  returned: success
"""
