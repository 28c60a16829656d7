# SPDX-License-Identifier: GPL-3.0-or-later
"""sudo's configuration as it lies on a host: includes followed as sudo follows them, aliases resolved, into items."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Dict, FrozenSet, Iterator, List, Set, Tuple

from ..core.canonical import escape
from ..core.model import Value
from ..errors import CollectError
from ..host import Host
from . import places
from .sudo_syntax import Alias, Default, Include, Rule, parse
from .sudo_words import SudoersError

MAIN = "/etc/sudoers"
_LIMIT = 1024 * 1024
_FILES = 256
_ITEMS = 20_000
_DEPTH = 128
_KEY = 160
_MEANT = 200
Items = Dict[str, Value]


@dataclass
class Found:
    """Everything read so far."""

    items: Items = field(default_factory=dict)
    places: Dict[str, None] = field(default_factory=dict)
    """Files and directories, as seen inside the root, that were read or searched."""
    rules: List[Tuple[Rule, str]] = field(default_factory=list)
    aliases: Dict[Tuple[str, str], Tuple[str, ...]] = field(default_factory=dict)
    full: bool = False
    """Whether there is more than is listed."""


class Reader:
    """Reads sudoers(5) of one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._found = Found()
        self._open: List[str] = []
        self._known: Dict[Tuple[str, str], FrozenSet[str]] = {}

    def read(self) -> Found:
        """Rules, defaults, files and troubles as items. A missing sudoers file means that nobody may anything."""
        self._found.places[MAIN] = None
        if places.exists(self._host, os.fsencode(MAIN)):
            self._file(MAIN)
        for rule, source in self._found.rules:
            self._rule(rule, source)
        if self._found.full:
            self._found.items["unparsed the rest"] = {"reason": f"more than {_FILES} files or {_ITEMS:,} rules"}
        return self._found

    def _file(self, path: str) -> None:
        found = self._found
        if path in self._open or len(self._open) >= _DEPTH:
            return self._trouble(path, "includes itself" if path in self._open else "is included too deep")
        if len(found.places) >= _FILES:
            found.full = True
            return None
        found.places[path] = None
        item: Value = {**places.facts(self._host, os.fsencode(path)), "source": shown(path)}
        found.items[f"file {shown(path)}"] = item
        try:
            data = self._host.read(path, limit=_LIMIT)
        except CollectError as exc:
            item["unreadable"] = shown(str(exc))
            return None
        refused = self._refused(path)
        if refused:
            item["refused"] = refused
        self._open.append(path)
        for _, entries in parse(data):
            for entry in entries:
                self._entry(entry, path)
        self._open.pop()
        return None

    def _refused(self, path: str) -> str:
        """Why sudo would not read the file (sudo_secure_open of its source), as its owner and mode are now."""
        there = places.record(self._host, places.hops(self._host, os.fsencode(path))[-1])
        if there is None or (there.st_uid == 0 and not there.st_mode & 0o002):
            writable = there is not None and there.st_mode & 0o020 and there.st_gid != 0
            return "its group may write to it" if writable else ""
        return "it is not root's" if there.st_uid else "everybody may write to it"

    def _entry(self, entry: object, path: str) -> None:
        found = self._found
        if isinstance(entry, SudoersError):
            self._trouble(path, str(entry))
        elif len(found.rules) + len(found.items) > _ITEMS:
            found.full = True
        elif isinstance(entry, Rule):
            found.rules.append((_printable(entry), shown(path)))
        elif isinstance(entry, Alias):
            found.aliases.setdefault((entry.kind, entry.name), tuple(map(shown, entry.members)))
        elif isinstance(entry, Default):
            self._default(entry, path)
        elif isinstance(entry, Include):
            self._include(entry, path)

    def _trouble(self, path: str, reason: str) -> None:
        reason = shown(reason)
        self._found.items.setdefault(
            _short(f"unparsed {shown(path)}: {reason}"), {"reason": reason, "source": shown(path)}
        )

    def _default(self, default: Default, path: str) -> None:
        item = self._found.items.setdefault(
            _short(f"Defaults{shown(default.scope)} {default.name}"), {"settings": [], "sources": []}
        )
        _add(item, "settings", shown(default.text))
        _add(item, "sources", shown(path))

    def _include(self, include: Include, path: str) -> None:
        name = include.path.replace("%h", self._host.name().partition(".")[0])
        wanted = name if name.startswith("/") else f"{os.path.dirname(path)}/{name}"
        if not include.directory:
            self._file(wanted)
            return
        self._found.places[wanted] = None
        try:
            names = os.listdir(os.path.join(self._host.locate(os.fsencode(wanted)), b""))
        except FileNotFoundError:
            return
        except OSError as exc:
            self._trouble(wanted, f"cannot be listed: {exc.strerror}")
            return
        for each in sorted(names):
            place = f"{wanted.rstrip('/')}/{os.fsdecode(each)}"
            if not each.endswith(b"~") and b"." not in each and not self._is_directory(place):
                self._file(place)

    def _is_directory(self, path: str) -> bool:
        return places.facts(self._host, os.fsencode(path)).get("type") == "directory"

    def _rule(self, rule: Rule, source: str) -> None:
        tags = "".join(f"{tag} " if "=" in tag else f"{tag}: " for tag in rule.tags)
        key = _short(f"rule {rule.who} {','.join(rule.hosts)}=({rule.runas}) {tags}{rule.command}")
        item = self._found.items.setdefault(
            key,
            {
                "who": rule.who,
                "hosts": list(rule.hosts),
                "runas": rule.runas,
                "tags": list(rule.tags),
                "command": rule.command,
                "sources": [],
            },
        )
        _add(item, "sources", source)
        targets = tuple(name for part in rule.runas.split(":") for name in part.split(","))
        for kind, names in (
            ("user", (rule.who,)),
            ("host", rule.hosts),
            ("command", (rule.command,)),
            ("runas", targets),
        ):
            meant = self._meant(kind, names)
            if meant != set(names):
                item["runas_meant" if kind == "runas" else f"{kind}s_meant"] = _bounded(sorted(meant))

    def _meant(self, kind: str, names: Tuple[str, ...], depth: int = 0) -> Set[str]:
        """What names stand for once aliases are resolved; an alias within itself stands for its own name."""
        found: Set[str] = set()
        for name in names:
            bare = name.lstrip("!")
            known = self._known.get((kind, bare))
            if known is None:
                members = self._found.aliases.get((kind, bare)) if depth < _DEPTH else None
                self._known[kind, bare] = frozenset((bare,))
                known = self._known[kind, bare] = frozenset(
                    self._meant(kind, members, depth + 1) if members else (bare,)
                )
            found.update(known if name == bare else map(_opposite, known))
        return found


def _opposite(name: str) -> str:
    return name[1:] if name.startswith("!") else f"!{name}"


def _bounded(names: List[str]) -> List[str]:
    """A list of bearable length; what is cut off still makes it another."""
    if len(names) <= _MEANT:
        return names
    rest = names[_MEANT:]
    return [*names[:_MEANT], f"and {len(rest)} more ({sha256(' '.join(rest).encode()).hexdigest()[:12]})"]


def shown(text: str) -> str:
    """Text of a file, in which bytes outside UTF-8 are surrogates, as it stands in items."""
    return escape(os.fsencode(text))


def _printable(rule: Rule) -> Rule:
    hosts, tags = (tuple(map(shown, texts)) for texts in (rule.hosts, rule.tags))
    return Rule(shown(rule.who), hosts, shown(rule.runas), tags, shown(rule.command))


def _add(item: Value, name: str, text: str) -> None:
    entries = item[name]
    if isinstance(entries, list) and text not in entries:
        item[name] = [*map(str, entries), text]


def _short(key: str) -> str:
    """A key of bearable length; what is cut off still makes it another."""
    if len(key) <= _KEY:
        return key
    return f"{key[: _KEY - 20]}... {sha256(key.encode()).hexdigest()[:12]}"


def plugins(host: Host) -> Items:
    """The lines of sudo.conf(5) that load code or say where it lies."""
    found: Items = {}
    path = "/etc/sudo.conf"
    for line in _plain(host, path, found):
        words = line.split()
        if words[0] in ("Plugin", "Path"):
            found[_short(f"sudo.conf {' '.join(words)}")] = {"kind": words[0], "source": path}
    return found


def doas(host: Host) -> Items:
    """The rules of doas.conf(5)."""
    found: Items = {}
    path = "/etc/doas.conf"
    for line in _plain(host, path, found):
        words = line.split()
        kind = words[0] if words[0] in ("permit", "deny") else "unknown"
        found[_short(f"doas {' '.join(words)}")] = {"kind": kind, "nopass": "nopass" in words[1:], "source": path}
    return found


def _plain(host: Host, path: str, found: Items) -> Iterator[str]:
    """Lines without comments, joined where they go on; a file that cannot be read becomes an item."""
    if not places.exists(host, os.fsencode(path)):
        return
    content = places.read(host, path, limit=_LIMIT)
    if content.problem:
        found[f"file {path}"] = {"unreadable": content.problem, "source": path}
    text = escape(content.data.replace(b"\\\n", b" ").replace(b"\n", b"\0").replace(b"\t", b" ")).split("\\x00")
    for line in text[:_ITEMS]:
        plain = line.partition("#")[0].strip()
        if plain:
            yield plain
