# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd starts by itself: which program, as whom, when, and what makes it start.

Read from files and links alone: what systemd holds in memory follows from them at the next daemon-reload or boot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from ..core.canonical import escape, unescape
from ..core.model import Change, Observation, Rating, Value
from ..errors import CollectError
from ..host import Host
from ..launch import accounts, codes, hooks, places, rating, units
from ..launch.accounts import Account
from ..launch.catalogue import Manager
from ..launch.disk import Disk
from . import Check, Context, Stamp

_PASSWD = "/etc/passwd"  # noqa: S105  a path


@dataclass(frozen=True)
class Options:
    """Configuration of the check ``units``."""

    enabled: bool = True


COLUMNS = {
    "runs": "the programs, each with the setting that names it",
    "user": "who they run as; ``dynamic`` for a user made for the time it runs",
    "identity": "groups and powers beyond that",
    "when": "times, sockets or paths that start it",
    "starts": "what it starts in turn, or must be started with it",
    "sees": "settings that put other files in the place of the host's",
    "environment": "variables it is given; of those that may be secret only a digest",
    "enabled_by": "what starts it: folders of links, each with where its link leads if that is no usual place",
    "installable": "true where it says itself what may enable it",
    "state": "masked, not executable, or without a file; nothing where it is in force",
    "alias_of": "the unit this is another name of",
    "aliases": "other names of this unit",
    "target": "where its file really lies, if that is no usual place",
    "transient": "true for a unit that a program made for a while; numbers in it are written *",
    "unreadable": "files that could not be read, and why",
    "reason": "why a folder was not looked at as a whole",
    "sources": "the files, folders and links that say all this",
}


def collect(context: Context) -> Observation:
    """Every unit of PID 1, of all users' managers and of each account's, and what else systemd starts."""
    people = _accounts(context.host)
    disk = Disk(context.host)
    items: Dict[str, Value] = {}
    for manager in _managers(people):
        items.update(units.items(disk, manager))
    items.update(hooks.items(disk, map(places.owned, people)))
    for folder, reason in disk.not_checked():
        items[rating.NOT_CHECKED + folder] = {"reason": reason}
    return Observation("ok", items, memory={"beyond": sorted(map(escape, disk.beyond))})


def _accounts(host: Host) -> List[Account]:
    """One for each home. Without passwd(5) nobody's own units are seen, which is said as a failure of this check."""
    found: Dict[bytes, Account] = {}
    for account in accounts.parse(host.read(_PASSWD)):
        found.setdefault(account.home, account)
    return list(found.values())


def _managers(people: List[Account]) -> Iterator[Manager]:
    yield Manager("", places.SYSTEM)
    yield Manager("user:", places.SHARED, None, "whoever owns it")
    for account in people:
        name = escape(account.name)
        yield Manager(f"user:{name}:", places.owned(account).units, account.uid, name)


def rate(change: Change, options: Options) -> Rating:
    """Code, severity and title of a change; no option bears on it."""
    return rating.rate(change)


def stamps(options: Options, host: Host, memory: Mapping[str, Any]) -> Tuple[Stamp, ...]:
    """One stamp over every folder of units, drop-ins, links, generators, hooks, environments, presets and init scripts,
    of the system and of each account, over the list of accounts, and over what a link leads to outside of them.

    Scopes and slices below ``transient`` are left out: they run no program, and each login makes some.
    """
    try:
        people = _accounts(host)
    except CollectError:
        people = []
    beyond = [unescape(path) for path in memory["beyond"]]
    return (("tree", (places.layout(people, beyond, host=host),)),)


CHECK = Check(
    name="units",
    about="what systemd starts by itself: units, drop-ins, timers, generators, init scripts, users' own units",
    options=Options,
    columns=COLUMNS,
    collect=collect,
    rate=rate,
    stamps=stamps,
    codes=codes.UNITS,
)
