# SPDX-License-Identifier: GPL-3.0-or-later
"""One host of the inventory as this transport needs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional, Tuple

from ..fetch import AGENT


@dataclass(frozen=True)
class Become:
    """How to become root there: by sudo, with a password if it is asked for."""

    user: str = "root"
    program: str = "sudo"
    password: Optional[str] = field(default=None, repr=False)


@dataclass(frozen=True)
class Target:
    """``name`` is the inventory's; ``address`` what ssh is told. ``unfit`` says why only a playbook can reach it."""

    name: str
    cohort: str
    address: str
    port: Optional[int] = None
    user: Optional[str] = None
    password: Optional[str] = field(default=None, repr=False)
    key: Optional[str] = None
    arguments: Tuple[str, ...] = ()
    """Of ssh, from ``ansible_ssh_common_args`` and its kin."""
    become: Optional[Become] = None
    agent: str = AGENT
    max_age: Optional[int] = None
    unfit: str = ""
