# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files hold the keys of which account, by sshd's own settings, and what lies in them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Set, Tuple

from ..core.canonical import escape
from ..core.model import Value
from ..errors import CollectError
from ..host import Host
from ..sshd.syntax import Setting
from ..watch import filesystems
from . import keys, places
from .passwd import Account

USUAL = (".ssh/authorized_keys", ".ssh/authorized_keys2")
"""What sshd reads where nothing is set."""
_LIMIT = 4 * 1024 * 1024
_NAMES = 1000
_FOREIGN = ("autofs",)
Items = Dict[str, Value]


@dataclass
class Found:
    """Everything found so far."""

    items: Items = field(default_factory=dict)
    files: Dict[bytes, None] = field(default_factory=dict)
    """Files whose stat record shows that one moved, whether they are there or not."""
    outlines: Dict[bytes, None] = field(default_factory=dict)
    """Directories of which mode and owner count; what is made in them all day does not."""
    blind: List[str] = field(default_factory=list)


def patterns(settings: Iterable[Setting], keyword: str) -> Tuple[str, ...]:
    """Every value that a keyword has anywhere, Match blocks included."""
    found: Dict[str, None] = {}
    for setting in settings:
        if setting.keyword == keyword:
            found.update(dict.fromkeys(word for word in setting.arguments if word.lower() != "none"))
    return tuple(found)


def expand(pattern: str, account: Account) -> bytes:
    """The path that ``AuthorizedKeysFile`` means for an account (sshd_config(5), TOKENS)."""
    tokens = {"%": b"%", "h": account.home, "u": account.name, "U": b"%d" % account.uid}
    path, at = b"", 0
    while at < len(pattern):
        here, after = pattern[at], pattern[at + 1 : at + 2]
        if here == "%" and after in tokens:
            path += tokens[after]
            at += 1
        else:
            path += os.fsencode(here)
        at += 1
    return path if path.startswith(b"/") else account.home.rstrip(b"/") + b"/" + path


class Reader:
    """Reads the key files of all accounts; ``foreign`` homes, on the network, are named and left alone."""

    def __init__(self, host: Host, wanted: Tuple[str, ...]) -> None:
        self._host, self._wanted = host, wanted
        self._found = Found()
        self._far = _far_places(host)
        self._files: Set[bytes] = set()

    def read(self, accounts: Iterable[Account]) -> Found:
        """The keys of every account; two with one file share its items' source, not its items."""
        for account in accounts:
            if account.home.startswith(b"/") and b"\0" not in account.home:
                self._account(account)
        return self._found

    def _account(self, account: Account) -> None:
        name = escape(account.name[:64])
        for pattern in self._wanted:
            path = os.path.normpath(expand(pattern, account))
            kind = self._is_far(path)
            if kind:
                reason = f"{escape(os.path.dirname(path))} lies on {kind}, which may hang or lie; it is not looked at"
                self._found.items[f"not_checked:{name}"] = {"reason": reason}
                self._found.blind.append(f"{name}:")
                continue
            self._watch_above(path)
            if not places.exists(self._host, os.path.dirname(path)):
                # Its directory has to come first, and that one is watched.
                continue
            self._found.files[path] = None
            if places.exists(self._host, path):
                self._file(path, account, name)

    def _watch_above(self, path: bytes) -> None:
        here = os.path.dirname(path)
        while here not in (b"", b"/") and here not in self._found.outlines:
            self._found.outlines[here] = None
            here = os.path.dirname(here)

    def _is_far(self, path: bytes) -> str:
        """The kind of file system that a path lies on, if that is a network's; the deepest mount point counts."""
        best, kind = b"", ""
        for point, name in self._far:
            if (path + b"/").startswith(point) and len(point) >= len(best):
                best, kind = point, name
        return kind

    def _file(self, path: bytes, account: Account, name: str) -> None:
        shown = escape(path)
        hops = places.hops(self._host, path)
        self._found.files.update(dict.fromkeys(hops))
        self._watch_above(hops[-1])
        item: Value = {**places.facts(self._host, path), "source": shown}
        far = self._is_far(os.path.normpath(hops[-1]))
        try:
            data = b"" if far else self._host.read(os.fsdecode(path), limit=_LIMIT)
            if far:
                item["unreadable"] = f"it leads to a place on {far}, which is not looked at"
        except CollectError as exc:
            data, item["unreadable"] = b"", escape(os.fsencode(str(exc)))
        if item.get("unreadable"):
            self._found.blind.append(f"{name}:")
        found, odd, more = keys.parse(data)
        if odd:
            item["odd_lines"] = odd
        if more:
            item["truncated"] = True
        writable = places.others_write(self._host, path, owners=(0, account.uid))
        if writable:
            item["writable"] = writable
        if path not in self._files:
            self._files.add(path)
            self._found.items[f"file {shown}"] = item
        for key in found:
            self._key(key, name, shown)

    def _key(self, key: keys.Key, name: str, source: str) -> None:
        value: Value = {"type": key.kind, "comment": key.comment, "options": list(key.options), "sources": [source]}
        wanted, number = f"{name}:{key.fingerprint}", 1
        while wanted in self._found.items:
            there = self._found.items[wanted]
            if {**there, "sources": None} == {**value, "sources": None}:
                there["sources"] = sorted({*map(str, there["sources"] or ()), source})  # type: ignore[arg-type]
                return
            number += 1
            wanted = f"{name}:{key.fingerprint} ({number})"
        self._found.items[wanted] = value


def _far_places(host: Host) -> List[Tuple[bytes, str]]:
    """Every mount point with the kind of file system where that is a network's or mounts on demand, else none."""
    if not host.live:
        return []
    try:
        mounts = list(filesystems.parse(host.read("/proc/self/mountinfo")))
    except (CollectError, ValueError):
        return []
    kinds = [(mount, mount.kind.decode("ascii", "replace")) for mount in mounts]
    return [(mount.point.rstrip(b"/") + b"/", kind if mount.weak or kind in _FOREIGN else "") for mount, kind in kinds]


def authorities(host: Host, settings: Iterable[Setting]) -> Tuple[Items, List[bytes]]:
    """Keys whose certificates let everybody in whom they name (TrustedUserCAKeys), and the files they stand in."""
    found: Items = {}
    files: List[bytes] = []
    for path in patterns(settings, "trustedusercakeys"):
        files.append(os.fsencode(path))
        content = places.read(host, path, limit=_LIMIT)
        if content.problem:
            found[f"not_checked:{path}"] = {"reason": content.problem, "source": path}
        for key in keys.parse(content.data).found:
            value: Value = {"type": key.kind, "comment": key.comment, "options": list(key.options), "sources": [path]}
            found[f"CA:{key.fingerprint}"] = value
    return found, files


def programs(settings: Iterable[Setting]) -> Items:
    """Programs that sshd asks for keys or names; what they answer cannot be listed."""
    found: Items = {}
    for keyword, name in (
        ("authorizedkeyscommand", "AuthorizedKeysCommand"),
        ("authorizedprincipalscommand", "AuthorizedPrincipalsCommand"),
    ):
        for setting in settings:
            command = " ".join(setting.arguments)
            if setting.keyword == keyword and command.lower() != "none":
                where = setting.place.rpartition(":")[0]
                reason = f"{name} {command} answers for any account; its answers cannot be listed"
                found[f"not_checked:{name} {command}"] = {"reason": reason, "source": where}
    return found


def principals(host: Host, accounts: Iterable[Account], *, settings: Iterable[Setting]) -> Tuple[Items, Any]:
    """Names that a certificate may carry to enter an account (AuthorizedPrincipalsFile), and the files looked for."""
    found: Items = {}
    files: Dict[bytes, None] = {}
    wanted = patterns(settings, "authorizedprincipalsfile")
    for account in accounts if wanted else ():
        for pattern in wanted:
            path = expand(pattern, account)
            files[path] = None
            if not places.exists(host, path):
                continue
            content = places.read(host, os.fsdecode(path), limit=_LIMIT)
            lines = [line.strip() for line in content.data.split(b"\n") if line.strip() and line.strip()[:1] != b"#"]
            value: Value = {"names": sorted(escape(line[:200]) for line in lines)[:_NAMES], "source": escape(path)}
            if content.problem:
                value["unreadable"] = content.problem
            found[f"principals {escape(account.name[:64])} {escape(path)}"] = value
    return found, list(files)
