# SPDX-License-Identifier: GPL-3.0-or-later
"""Local accounts: who is root, who can log in and how, which groups lend power."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Tuple

from ..access import accounts, accounts_rating, nss, passwd, places, shells
from ..access.accounts import GROUP, GSHADOW, PASSWD, SHADOW, Items, Seen, Tables
from ..core.canonical import escape, unescape
from ..core.model import Change, Observation, Rating
from ..host import Host
from . import Check, Context, Stamp

_SHELLS = "/etc/shells"
_LENT = ("/etc/subuid", "/etc/subgid")
_FILES = (PASSWD, GROUP, SHADOW, GSHADOW, *_LENT, _SHELLS)
_LIMIT = 8 * 1024 * 1024


@dataclass(frozen=True)
class Options:
    """``checks.accounts`` of the configuration."""

    enabled: bool = True


COLUMNS = {
    "uid": "Number of the account, in an item `user NAME` or `password NAME`.",
    "gid": "Number of its first group, or of the group in an item `group NAME`.",
    "group": "Name of its first group; empty when the number has none.",
    "home": "Its home directory.",
    "shell": "Its shell, as it stands in the file.",
    "shell_note": "What is wrong with the shell: a copy of another, not in /etc/shells, not there.",
    "login": "Whether the shell lets it in: yes or no.",
    "false_face": "true where the shell looks like one that lets nobody in, and does.",
    "groups": "The other groups it is in.",
    "same_uid": "Other accounts with the same uid.",
    "state": "Of a password: set, locked (a hash behind a !) or none needed. Accounts without one have no such item.",
    "scheme": "How the password is hashed.",
    "changed_on": "Day of its last change, as the file has it.",
    "expires": "Day on which the account expires.",
    "version": "Counts the hashes seen on this host; the same hash has the same number, 0 means it is not known which.",
    "note": "Of a password whose hash everybody may read.",
    "password": "set where a group has one.",
    "strangers": "Members of a group that are no accounts of this host.",
    "ranges": "First id and count of each range that an account may use in containers (`subuid NAME`, `subgid NAME`).",
    "reason": "Of an item `line FILE NAME`: what is odd about it; of `not_checked`: which accounts are not seen.",
    "type": "Of an item that is a file: file, link, directory.",
    "mode": "Permissions of the file as octal text.",
    "target": "Where it leads if it is a link; mode and owner of that place stand beside it.",
    "target_type": "What the link leads to.",
    "target_mode": "Its mode.",
    "target_uid": "Its owner.",
    "target_gid": "Its group.",
    "unreadable": "Why the file could not be read.",
    "source": "The file it stems from.",
}


def collect(context: Context) -> Observation:
    """All accounts. Raises CollectError when passwd(5) or group(5) cannot be read."""
    host = context.host
    if not host.live and not places.exists(host, os.fsencode(PASSWD)):
        return Observation("skipped", error=f"there is no {PASSWD} on this disk")
    found, user_rows = passwd.accounts(host.read(PASSWD, limit=_LIMIT))
    groups, group_rows = passwd.groups(_groups(host))
    shadow = places.read(host, SHADOW, limit=_LIMIT)
    secrets, secret_rows = passwd.secrets(shadow.data)
    tables = Tables(found, groups, secrets)
    judged = shells.Shells(host, shells.listed(places.read(host, _SHELLS, limit=_LIMIT).data))
    salt = str(context.memory.get("salt") or os.urandom(32).hex())
    seen = Seen(context.memory, salt=bytes.fromhex(salt), accepted=context.baseline)
    items = accounts.users(tables, judged.judge)
    items.update(accounts.passwords(tables, seen))
    items.update(accounts.groups(tables))
    for path, rows in ((PASSWD, user_rows), (GROUP, group_rows), (SHADOW, secret_rows)):
        items.update(accounts.odd(path, rows))
    for path in _LENT:
        items.update(accounts.lent(path, places.read(host, path, limit=_LIMIT).data))
    items.update(_files(host))
    items.update(nss.elsewhere(host, "passwd", advice="getent passwd lists them"))
    blind: Tuple[str, ...] = ()
    if shadow.problem and places.exists(host, os.fsencode(SHADOW)):
        items[SHADOW]["unreadable"] = shadow.problem
        blind = ("password ", f"line {SHADOW}")
    memory = {"salt": salt, "passwords": seen.memory(), "shells": sorted({escape(user.shell) for user in found})}
    return Observation("ok", items, blind=blind, memory=memory)


def _groups(host: Host) -> bytes:
    """A missing group(5) is told by its own item, and then there are none."""
    return host.read(GROUP, limit=_LIMIT) if places.exists(host, os.fsencode(GROUP)) else b""


def _files(host: Host) -> Items:
    """Mode and owner of the files themselves; a missing one is no item, so that its coming is told."""
    found = {path: places.facts(host, os.fsencode(path)) for path in _FILES}
    return {path: {**value, "source": path} for path, value in found.items() if value}


def rate(change: Change, options: Options) -> Rating:
    """Code, severity and title of a change; no option bears on it."""
    return accounts_rating.rate(change)


def stamps(options: Options, host: Host, memory: Mapping[str, Any]) -> Tuple[Stamp, ...]:
    """The stat records of passwd, group, shadow, gshadow, subuid, subgid, shells and nsswitch.conf, of every login
    shell, and of whatever a link in their places leads to."""
    watched: Dict[str, None] = {}
    programs: List[bytes] = [unescape(text) for text in memory["shells"]]
    for path in (*map(os.fsencode, (*_FILES, nss.FILE)), *(path for path in programs if path.startswith(b"/"))):
        watched.update(dict.fromkeys(places.stamped(host, path)))
    return (("stat", tuple(watched)),)


CHECK = Check(
    name="accounts",
    about="local accounts: who is root, who can log in and how, which groups lend power",
    options=Options,
    columns=COLUMNS,
    collect=collect,
    rate=rate,
    stamps=stamps,
    codes=accounts_rating.CODES,
)
