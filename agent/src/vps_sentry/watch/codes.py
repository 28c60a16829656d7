# SPDX-License-Identifier: GPL-3.0-or-later
"""What the alert codes about files stand for."""

from __future__ import annotations

from ..core.model import Code

CODES = {
    "file_added": Code(
        about="A file, directory or link appeared where files decide who may do what: units, cron, profiles, keys.",
        technique="T1543",
        action="Look at what it does and who owns it. An installed package explains many; accept what you put there.",
    ),
    "file_changed": Code(
        about="Content, owner, mode or target of a watched file is no longer as accepted.",
        technique="T1554",
        action="See what differs with: vps-sentry baseline diff. Accept it if you or an upgrade did it.",
    ),
    "file_removed": Code(
        about="A watched file is gone. Removing a rule, a key or a unit can open a door or stop a guard.",
        technique="T1562.001",
        action="Put it back if it should be there; accept it if it was removed on purpose.",
    ),
    "file_preload": Code(
        about="/etc/ld.so.preload changed: what it names is loaded into every program, which is how a rootkit hides "
        "files and processes.",
        technique="T1574.006",
        action="Hardly anything legitimate uses it. Do not trust this host's tools; look at its disk from outside.",
    ),
    "file_setuid": Code(
        about="A file gained rights to run as its owner or group (setuid, setgid, capabilities), or such a file "
        "changed. Whoever can start it may become root.",
        technique="T1548.001",
        action="Ask the package manager whose file it is (dpkg -S, rpm -qf). If nobody's: chmod 0, keep it, and look "
        "at who made it.",
    ),
    "file_changed_unseen": Code(
        about="A file read again in the daily round has another content, but size, time stamps and inode are as they "
        "were. Ordinary writing cannot do that.",
        technique="T1070.006",
        action="Compare the file with its package or a backup, on another machine if you can. If a program writes to "
        "it through a memory mapping (some databases do), leave it out of checks.files.watch.",
        event=True,
    ),
    "rehash_overdue": Code(
        about="The daily round that reads every watched content again takes longer than a day, so a change that leaves "
        "no trace in time stamps would be found later than promised.",
        technique="",
        action="See which files the detail names; leave them out of checks.files.watch, or raise "
        "checks.files.hash_budget.",
        event=True,
    ),
    "history_shrunk": Code(
        about="A shell history lost more than half of what it held. Intruders empty it to hide what they typed.",
        technique="T1070.003",
        action="Ask whose account it is. If nobody did it on purpose: see who was logged in (last, vps-sentry status).",
        event=True,
    ),
}
