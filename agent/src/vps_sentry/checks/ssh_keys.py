# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose key opens which account: every file that sshd takes keys from, for every account."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Tuple

from ..access import key_files, keys_rating, passwd, places, running
from ..core.canonical import escape, unescape
from ..core.model import Change, Observation, Rating
from ..host import Host
from ..sshd.syntax import Setting
from . import Check, Context, Stamp

_PASSWD = "/etc/passwd"  # noqa: S105  a path
_LIMIT = 8 * 1024 * 1024
_FILES = "authorizedkeysfile"


@dataclass(frozen=True)
class Options:
    """``checks.ssh_keys`` of the configuration."""

    enabled: bool = True


COLUMNS = {
    "type": "Of a key its algorithm; of a file whether it is a file or a link.",
    "comment": "What the key is called; nobody has checked that.",
    "options": "What stands before the key: from, command, restrict, cert-authority and the like.",
    "sources": "The files it stands in.",
    "source": "The file it stands in.",
    "names": "Names that a certificate must carry to enter the account.",
    "mode": "Of a file its permissions as octal text.",
    "uid": "Its owner.",
    "gid": "Its group.",
    "target": "Where it leads if it is a link; type, mode and owner of that place stand beside it.",
    "target_type": "What the link leads to.",
    "target_mode": "Its mode.",
    "target_uid": "Its owner.",
    "target_gid": "Its group.",
    "writable": "The file or a directory above it where others than root and the account may write.",
    "odd_lines": "How many of its lines are no keys; they are never shown.",
    "truncated": "true where it holds more keys than are listed.",
    "unreadable": "Why it could not be read.",
    "reason": "Of a `not_checked` item: what could not be looked at, and why.",
}


def collect(context: Context) -> Observation:
    """The keys of all accounts. Raises CollectError when passwd(5) cannot be read."""
    host = context.host
    if not host.live and not places.exists(host, os.fsencode(_PASSWD)):
        return Observation("skipped", error=f"there is no {_PASSWD} on this disk")
    accounts, _ = passwd.accounts(host.read(_PASSWD, limit=_LIMIT))
    servers = running.servers(host, now=context.now)
    settings = [setting for server in servers for setting in server.read.policy.settings]
    found = key_files.Reader(host, _wanted(servers)).read(accounts)
    authorities, more = key_files.authorities(host, settings)
    names, others = key_files.principals(host, accounts, settings=settings)
    items = {**found.items, **authorities, **names, **key_files.programs(settings)}
    for server in servers:
        if server.read.problem and places.exists(host, os.fsencode(server.path)):
            items[f"not_checked:{server.path}"] = {"reason": server.read.problem, "source": server.path}
    files = dict.fromkeys(hop for path in (*found.files, *more, *others) for hop in places.hops(host, path))
    memory = {
        "files": [escape(path) for path in files],
        "outlines": [escape(path) for path in found.outlines],
        "settings": sorted({place for server in servers for place in server.read.places}),
    }
    return Observation("ok", items, blind=tuple(found.blind), memory=memory)


def _wanted(servers: List[running.Server]) -> Tuple[str, ...]:
    """What ``AuthorizedKeysFile`` says anywhere; the usual ones where a server says nothing for everybody."""
    wanted: Dict[str, None] = {}
    for server in servers:
        settings: Tuple[Setting, ...] = server.read.policy.settings
        if not any(setting.keyword == _FILES and not setting.conditions for setting in settings):
            wanted.update(dict.fromkeys(key_files.USUAL))
        wanted.update(dict.fromkeys(key_files.patterns(settings, _FILES)))
    return tuple(wanted)


def rate(change: Change, options: Options) -> Rating:
    """Code, severity and title of a change; no option bears on it."""
    return keys_rating.rate(change)


def stamps(options: Options, host: Host, memory: Mapping[str, Any]) -> Tuple[Stamp, ...]:
    """The stat records of passwd, of sshd's settings with their directories, and of every file that sshd would take
    keys of any account from, whether it is there or not, and whatever a link in its place leads to; mode and owner of
    the directories above. A home on the network is not touched."""
    watched: Dict[str, None] = {}
    for path in (os.fsencode(_PASSWD), *map(os.fsencode, memory["settings"])):
        watched.update(dict.fromkeys(places.stamped(host, path)))
    watched.update(dict.fromkeys(places.seen(host, unescape(path)) for path in memory["files"]))
    outlines = dict.fromkeys(places.seen(host, unescape(path)) for path in memory["outlines"])
    return (("stat", tuple(watched)), ("modes", tuple(outlines)))


CHECK = Check(
    name="ssh_keys",
    about="whose key opens which account: every file that sshd takes keys from, for every account",
    options=Options,
    columns=COLUMNS,
    collect=collect,
    rate=rate,
    stamps=stamps,
    codes=keys_rating.CODES,
)
