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

CRON = {
    "cron_job_added": Code(
        about="Something is run by cron, anacron or at that was not before: a line of a crontab, a script in a "
        "periodic folder, a job of at. It is a usual way to come back.",
        technique="T1053.003",
        action="See who wrote it and what it runs. If nobody did: take the line out, keep a copy, and look at what the "
        "program did.",
    ),
    "cron_job_changed": Code(
        about="A job runs at other times or as another user, or is run now although it was not.",
        technique="T1053.003",
        action="Accept it if you or an upgrade did it; else look at who wrote to its file.",
    ),
    "cron_job_removed": Code(
        about="A job is gone: a line was edited or removed, or a job of at was run. That its file changed is told by "
        "the check files.",
        technique="T1562.001",
        action="Nothing, if it was meant; else put it back.",
    ),
    "cron_suspicious": Code(
        about="A job runs a program from where everybody may write, a hidden or nameless one, one out of a user's home "
        "as root, a shell that connects to the network, or makes programs load somebody's code.",
        technique="T1053.003",
        action="Keep a copy of the line and the program, take it out, and look for how it came there.",
    ),
    "cron_malformed": Code(
        about="A table holds lines that cron does not understand, or cannot be read. Some versions of cron then ignore "
        "the whole table; a person reading it may overlook what is in it.",
        technique="T1053.003",
        action="Look at the file with: cat -v FILE. Correct it, or accept it.",
    ),
    "cron_setting": Code(
        about="A variable that jobs are given, or the list of who may have jobs, changed.",
        technique="T1053.003",
        action="Look at who wrote it: a PATH or SHELL of somebody else's choosing changes what all jobs behind it run.",
    ),
    "cron_unseen": Code(
        about="A folder of jobs could not be looked at, or holds more than is looked at: something may hide in it.",
        technique="T1564",
        action="See what lies there. Nothing honest puts that many files in one place.",
    ),
}
