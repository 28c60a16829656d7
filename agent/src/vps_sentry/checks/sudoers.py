# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may run what as whom: sudo's rules and settings, its plugins, and doas."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Tuple

from ..access import nss, places, sudo_files, sudo_rating
from ..core.canonical import unescape
from ..core.model import Change, Observation, Rating
from ..host import Host
from . import Check, Context, Stamp

_BESIDES = ("/etc/sudo.conf", "/etc/doas.conf", nss.FILE)
_ADVICE = "sudo -l -U USER lists them"


@dataclass(frozen=True)
class Options:
    """``checks.sudoers`` of the configuration."""

    enabled: bool = True


COLUMNS = {
    "who": "User, `%group` or alias of a rule, with `!` where it takes somebody out.",
    "hosts": "On which hosts the rule holds.",
    "runas": "As whom: `user:group`, root where the line says nothing.",
    "tags": "Tags and options in force, NOPASSWD above all.",
    "command": "What may be run, `!` in front where it may not.",
    "users_meant": "Whom the alias in `who` stands for.",
    "hosts_meant": "What the aliases in `hosts` stand for.",
    "runas_meant": "Whom the aliases in `runas` stand for.",
    "commands_meant": "What the alias in `command` stands for.",
    "settings": "What is said of this setting, in order.",
    "sources": "The files it stands in.",
    "source": "The file it stands in.",
    "kind": "Of a line of sudo.conf its first word; of a rule of doas permit or deny.",
    "nopass": "Of a rule of doas: whether no password is asked for.",
    "reason": "What could not be understood or seen, and why.",
    "refused": "Why sudo would not read the file as it is now.",
    "unreadable": "Why the file could not be read.",
    "type": "Of a file that is read: file or link.",
    "mode": "Its permissions as octal text.",
    "uid": "Its owner.",
    "gid": "Its group.",
    "target": "Where it leads if it is a link; mode and owner of that place stand beside it.",
    "target_type": "What the link leads to.",
    "target_mode": "Its mode.",
    "target_uid": "Its owner.",
    "target_gid": "Its group.",
}


def collect(context: Context) -> Observation:
    """Every rule, setting, file and trouble."""
    host = context.host
    found = sudo_files.Reader(host).read()
    items = {
        **found.items,
        **sudo_files.plugins(host),
        **sudo_files.doas(host),
        **nss.elsewhere(host, "sudoers", advice=_ADVICE),
    }
    return Observation("ok", items, memory={"places": [sudo_files.shown(place) for place in found.places]})


def rate(change: Change, options: Options) -> Rating:
    """Code, severity and title of a change; no option bears on it."""
    return sudo_rating.rate(change)


def stamps(options: Options, host: Host, memory: Mapping[str, Any]) -> Tuple[Stamp, ...]:
    """The stat records of every file read, of every directory searched for more, of whatever a link in their places
    leads to, and of sudo.conf, doas.conf and nsswitch.conf."""
    watched: Dict[str, None] = {}
    for path in (*map(unescape, memory["places"]), *map(os.fsencode, _BESIDES)):
        watched.update(dict.fromkeys(places.stamped(host, path)))
    return (("stat", tuple(watched)),)


CHECK = Check(
    name="sudoers",
    about="who may run what as whom: rules and settings of sudo, its plugins, and doas",
    options=Options,
    columns=COLUMNS,
    collect=collect,
    rate=rate,
    stamps=stamps,
    codes=sudo_rating.CODES,
)
