# SPDX-License-Identifier: GPL-3.0-or-later
"""The other transport: bundles over paramiko, in threads, with Ansible's inventory and OpenSSH's settings.

Cheaper than a playbook by an order of magnitude. It moves bytes only; what it cannot do it says, and the playbook does.
"""

from __future__ import annotations


class UnfitError(Exception):
    """This transport cannot serve the host, though ssh might. The message says what is missing."""


class PullError(Exception):
    """The host brought no answer; ``outcome`` is the word under which the attempt is recorded."""

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
