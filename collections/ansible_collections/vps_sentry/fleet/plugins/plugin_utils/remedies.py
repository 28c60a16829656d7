# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a host could not be spoken to, in one line, and what a person does about it."""

from __future__ import annotations

import re
from typing import Tuple

from .limits import show

_SUDO = "give sudo's password with --ask-become-pass (-K) or as ansible_become_password, from a vault"
_KEY = (
    "its key is not the one in known_hosts: compare it on the host's console (ssh-keygen -lf"
    " /etc/ssh/ssh_host_ed25519_key.pub); only if it is right, ssh-keygen -R ADDRESS and connect once by hand"
)
# What ssh(1), sudo(8) and Ansible say, and the remedy; the first that matches counts.
_REMEDIES: Tuple[Tuple[str, str], ...] = (
    ("REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed", _KEY),
    ("Incorrect sudo password|Sorry, try again|incorrect password attempt", _SUDO),
    ("Missing sudo password|a password is required|a terminal is required", _SUDO),
    ("not in the sudoers file|may not run sudo|is not allowed to", "give its user the sudo rule of docs/operations.md"),
    (
        "sudo: (command )?not found|sudo: No such file",
        "install sudo, or log in as root with ansible_become=false",
    ),
    ("Permission denied", "check ansible_user and the key it logs in with"),
    ("Could not resolve|Name or service not known", "correct its name or ansible_host in the inventory"),
    ("timed out|refused|No route|unreachable|reset by peer|closed by", "check that it runs, and the way to its sshd"),
)
_NOISE = re.compile(r"^(Task failed: |Failed to connect to the host via ssh: |@{3,}|Warning: Permanently added)")


def told(said: str) -> str:
    """``cause; remedy`` of what a connection or sudo said. Safe to print: one line, cut, nothing unprintable."""
    lines = [_NOISE.sub("", line.strip()) for line in said.strip().splitlines()]
    cause = " ".join(line.strip("@ ") for line in lines if line.strip("@ "))
    for pattern, remedy in _REMEDIES:
        if re.search(pattern, said, re.IGNORECASE):
            return f"{show(cause, limit=200)}; {remedy}"
    return show(cause, limit=300) or "it said nothing; try ssh by hand"
