# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tally
short_description: Say how a play went
version_added: 0.1.0
description:
  - Prints how many hosts of the play are done, which are not and why, and the command that takes those up again.
  - Runs once for all hosts of the play.
options:
  outcome:
    description: Name of the variable that holds, on a host that failed, the reason.
    type: str
    required: true
  line:
    description: Name of a variable that holds what there is to say of a host that is done.
    type: str
  verb:
    description: What was done.
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
- name: Say how it went
  vps_sentry.fleet.tally:
    outcome: refused
    verb: installed
"""

RETURN = r"""
done:
  description: Number of hosts that are done.
  type: int
  returned: success
missing:
  description: The reason, by host, for those that are not.
  type: dict
  returned: success
"""
