# SPDX-License-Identifier: GPL-3.0-or-later
"""What the alert codes about listening ports stand for."""

from __future__ import annotations

from ..core.model import Code

CODES = {
    "port_opened": Code(
        about="Something listens that was not accepted before. A listener the world can reach is a way in, one held by "
        "an interpreter or a deleted program is what a backdoor looks like.",
        technique="T1571",
        action="Look at the program and the unit it names. Stop it if nobody installed it; else accept it, or announce "
        "it in checks.ports.expected.",
    ),
    "port_expected": Code(
        about="A port opened that the configuration announces.",
        technique="",
        action="Nothing; accepting it makes a later change of its owner comparable.",
    ),
    "port_owner_changed": Code(
        about="An accepted port is held by another program, unit or user than was accepted, or an announced one by "
        "another than held it first. A familiar port number is good cover for somebody else's program.",
        technique="T1036.005",
        action="Compare the program with the one before. An upgrade or a moved service explains it; otherwise keep a "
        "copy of the program and look at how it was started.",
    ),
    "port_changed": Code(
        about="An accepted port is bound to other addresses, so others can reach it.",
        technique="T1571",
        action="Check the address the service is told to listen on.",
    ),
    "port_closed": Code(
        about="An accepted port is no longer open. A stopped service, or one that died.",
        technique="T1489",
        action="Start the service again if it should run; accept it if it is gone for good.",
    ),
    "port_not_checked": Code(
        about="Something on this host can take in traffic and is of a kind the agent cannot look into: a protocol "
        "without a list, translated addresses, a network namespace without a process.",
        technique="",
        action="Look with the command it names. Accept it if it belongs here; from then on only a new kind is told.",
    ),
}
