# SPDX-License-Identifier: GPL-3.0-or-later
"""What the alert codes about units and jobs stand for."""

from __future__ import annotations

from ..core.model import Code

UNITS = {
    "unit_added": Code(
        about="A unit of systemd appeared, or something else that systemd or D-Bus starts by itself: a generator, a "
        "hook, an init script, an environment, lingering of an account. It is the usual way to come back after a "
        "boot.",
        technique="T1543.002",
        action="See what it runs and whose file it is (dpkg -S, rpm -qf). If nobody installed it: systemctl stop and "
        "disable it, keep a copy, and look at what the program did.",
    ),
    "unit_changed": Code(
        about="What a unit runs, as whom, when, or what starts it is no longer as accepted; a drop-in or a "
        "link does that as well as its file.",
        technique="T1543.002",
        action="See all its files with: systemctl cat UNIT. Accept it if you or an upgrade did it.",
    ),
    "unit_removed": Code(
        about="A unit is gone, and with it what it did: perhaps a guard.",
        technique="T1562.001",
        action="Accept it if its package was removed on purpose; else install it again.",
    ),
    "unit_stopped": Code(
        about="A unit is masked or disabled: it no longer starts. Whoever wants to work undisturbed does this to "
        "auditing, logging, firewalls and to this agent.",
        technique="T1562.001",
        action="If nobody did it on purpose: systemctl unmask and enable --now, then look at who was root.",
    ),
    "unit_suspicious": Code(
        about="A unit runs a program from where everybody may write, a hidden or nameless one, one out of a user's "
        "home as root, a shell that connects to the network, or makes programs load somebody's code.",
        technique="T1543.002",
        action="Keep a copy of the unit and the program, stop it, and look for how it came there.",
    ),
    "units_unseen": Code(
        about="A folder of units could not be looked at, or holds more than is looked at: something may hide in it.",
        technique="T1564",
        action="See what lies there. Nothing honest puts that many files in one place.",
    ),
}
