# Copyright: (c) 2026, vps-sentry authors
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: collect
short_description: Fetch, verify and store the bundle of a host
version_added: 0.1.0
description:
  - Runs C(vps-sentry bundle) on the host with one remote command, without transferring a module.
    Neither Python nor a temporary directory is needed for this on the host.
  - Only what the store does not hold travels. The answer is verified on the controller, every digest is recomputed,
    and nothing the host says becomes a variable.
  - A host that cannot be reached, or whose answer is refused, is recorded in the store as not reached.
  - Works with C(become) and with the key of a forced command, which answers the same request without it.
  - Set the task keyword C(timeout) to bound the time one host may take.
options:
  store:
    description:
      - URL of the store, C(sqlite:////PATH). Without it E(VPS_SENTRY_STORE_FILE) names a file with the URL, else
        the store is F(vps-sentry/fleet.sqlite) in the user's data directory.
    type: str
  cohort:
    description: Cohort of this host. Without it the inventory's groups decide.
    type: str
  cohort_groups:
    description: Groups that are cohorts; the first one the host is in counts, before the size of groups does.
    type: list
    elements: str
    default: []
  max_age:
    description: Missed collects after which this host counts as silent and has no vote. Without it 3.
    type: int
  agent:
    description: The agent's executable on the host.
    type: path
    default: /usr/local/bin/vps-sentry
  hand_over:
    description:
      - Whether to hand the host in the same go what a reviewed plan wants accepted there and it could not be handed
        before, as M(vps_sentry.fleet.apply) does. For a host for which nothing waits it costs one look into the store.
    type: bool
    default: false
author:
  - vps-sentry authors (@vps-sentry)
attributes:
  action:
    description: Has an action plugin, runs on the controller.
    support: full
  check_mode:
    description: The task is skipped in check mode, since collecting fills the store.
    support: none
"""

EXAMPLES = r"""
- name: Collect the bundle
  vps_sentry.fleet.collect:
    store: sqlite:////var/lib/vps-sentry-fleet/fleet.sqlite
  become: true
  timeout: 120
"""

RETURN = r"""
cohort:
  description: The cohort the host was stored under.
  type: str
  returned: success
bytes:
  description: Size of the bundle in bytes.
  type: int
  returned: success
moved:
  description: Whether the host's snapshot or baseline differs from the last collect.
  type: bool
  returned: success
new_buckets:
  description: Number of buckets the store did not hold.
  type: int
  returned: success
observed:
  description: Digest of the host's last snapshot.
  type: str
  returned: success
accepted:
  description: Digest of the host's accepted baseline, null without one.
  type: str
  returned: success
state:
  description: What became of what was handed over.
  type: str
  returned: when something waited for the host
"""
