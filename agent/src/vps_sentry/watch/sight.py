# SPDX-License-Identifier: GPL-3.0-or-later
"""How closely a place is looked at: with content, by metadata, by its directories alone."""

from __future__ import annotations

from typing import Literal

from . import histories

Sight = Literal["content", "metadata", "unlinked", "directories"]
"""``unlinked``: metadata, and links without their target."""

# A certificate renewal adds numbered files and turns links to them: every 60 days, on every host.
_DIRECTORIES = (b"/etc/letsencrypt/archive/", b"/etc/letsencrypt/csr/", b"/etc/letsencrypt/keys/")
_UNLINKED = (b"/etc/letsencrypt/live/",)
_METADATA = (b"/etc/letsencrypt/accounts/", b"/var/spool/anacron/", b"/run/systemd/")
_SSH_CONTENT = (b"config", b"rc", b"environment")


def sight(directory: bytes, name: bytes) -> Sight:
    """How the entry ``name`` of ``directory`` (absolute, ending in ``/``) is looked at."""
    if directory.startswith(_DIRECTORIES):
        return "directories"
    if directory.startswith(_UNLINKED):
        return "unlinked"
    if directory.startswith(_METADATA) or name == histories.NAME:
        return "metadata"
    # Private keys and known hosts: their content is nobody's business, or moves with every new host.
    if b"/.ssh/" in directory and not name.startswith(b"authorized_keys") and name not in _SSH_CONTENT:
        return "metadata"
    return "content"
