# SPDX-License-Identifier: GPL-3.0-or-later
"""What the package manager vouches for: which changes an upgrade explains, which a package merely brought.

Only the upgrade of an accepted package to a version that a signed list has explains anything (RULES A15), and only
for the very content its list of digests names. A package that somebody installed by hand is news, and so are its files.
"""

from __future__ import annotations

import os
import re
import stat
from typing import Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Set, Tuple

from ..core import digest
from ..core.canonical import escape, unescape
from ..core.model import Change, Value, Voucher
from ..errors import CollectError
from ..host import Host
from ..watch import rating
from . import contents, derived
from .contents import Content, Expected
from .index import SIGNED, Record
from .source import Entry, Source
from .versions import Later

FILES, PACKAGES = "files", "packages"
STARTED = {"units": "unit", "cron": "cron job"}
"""Checks whose items an upgrade may explain besides files, and what they are called; they are named, not counted."""
_CONTENT = frozenset({"sha256", "size", "nlink", "target", "truncated"})
_DEPENDENCY = re.compile(rb"[a-z0-9][a-z0-9+.-]+(?=(?::[a-z0-9]+)?\s*(?:[(,|]|\Z))")
_UNIT = re.compile(r".*/systemd/(system|user)/([^/]+\.(wants|requires|d)/)?[^/]+")
PROGRAMS = re.compile(r"(/usr)?/(s?bin|lib|lib32|lib64|libexec)/.*|/usr/share/(dbus-1|polkit-1)/.*|/boot/.*")
"""Where packages put what is run; elsewhere nobody's digest could say anything."""
_CRON = re.compile(r"/etc/(cron\.[a-z]+/.+|crontab|anacrontab)|/var/spool/cron/.+")


class Known(NamedTuple):
    """What there is to judge by."""

    host: Host
    source: Source
    entries: Mapping[str, Entry]
    """Package -> what is installed."""
    accepted: Mapping[str, Value]
    """The items of the baseline."""
    records: Mapping[str, Record]
    gone: Mapping[str, Tuple[bytes, ...]]
    remembered: Mapping[str, Tuple[str, str]]
    """What was explained as derived: ``CHECK KEY`` -> digest of the value, and the package."""
    later: Later
    clock: int
    now: int
    """Seconds since the epoch."""
    stands: Callable[[str, str], bool]
    """Whether an item of another check is there and as accepted."""
    opened: Callable[[bytes], bytes]
    """How a place is opened. Raises OSError."""
    found: Callable[..., None]
    """Is told what the content of each file is that was read for this, and whose it is."""


def explaining(known: Known) -> Dict[str, str]:
    """Package -> version accepted, of the upgrades that explain; empty for a new package that one of them needs.

    A kernel comes as a new package with each version: what an explaining upgrade depends on, and a signed list has,
    came with it.
    """
    found = {key: str(known.accepted[key]["version"]) for key in known.entries if _explains(key, known)}
    fresh = {
        key.partition(":")[0].encode(): key
        for key in known.entries
        if key not in known.accepted and _vouched(key, known)
    }
    asked: Set[str] = set()
    while fresh and set(found) - asked:
        key = min(set(found) - asked)
        asked.add(key)
        for name in _DEPENDENCY.findall(known.entries[key].depends):
            if name in fresh:
                found.setdefault(fresh[name], "")
    return found


def _explains(key: str, known: Known) -> bool:
    before = known.accepted.get(key)
    if before is None or not _vouched(key, known):
        return False
    return known.later(known.entries[key].version, str(before.get("version", "")))


def _vouched(key: str, known: Known) -> bool:
    entry, record = known.entries[key], known.records[key]
    return record.origin == SIGNED and record.lists == entry.lists and "state" not in entry.value


class Vouching:
    """The vouchers for one set of changes."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.explaining = explaining(known)
        self.derived: Dict[str, Tuple[str, str]] = {}
        self._brought: Dict[bytes, str] = {}
        self._expected: Dict[bytes, Expected] = {}
        self._configuration: Dict[bytes, Expected] = {}
        # Those that explain come last, so that a path two packages list counts for the one that explains it.
        moved = [key for key, entry in known.entries.items() if known.accepted.get(key) != entry.value]
        for key in sorted(moved, key=lambda name: name in self.explaining):
            self._take(key)
        self._dropped = {place: key for key, places in known.gone.items() for place in places}

    def _take(self, key: str) -> None:
        source = self.known.source
        try:
            self._brought.update(dict.fromkeys(source.brought(key), key))
            self._expected.update(source.contents(key))
            self._configuration.update(source.conffiles(key))
        except (CollectError, ValueError):
            # The digest of its lists says that they cannot be read, and that is an item.
            return

    def vouchers(self, changes: Iterable[Change]) -> Iterator[Voucher]:
        """For the upgrades themselves, and for each change that one of the moved packages made."""
        for key in self.explaining:
            value = self.known.entries[key].value
            yield Voucher(PACKAGES, key, digest.digest(value), key, "explained")
        for change in changes:
            found = self._voucher(change)
            if found is not None:
                yield found

    def _voucher(self, change: Change) -> Optional[Voucher]:
        package = self._owner(change, unescape(change.key)) if change.check == FILES else self._by_sources(change)
        if package is None:
            return None
        explains = package in self.explaining and explainable(change)
        value = digest.digest(change.after)
        return Voucher(change.check, change.key, value, package, "explained" if explains else "brought", word(change))

    def _by_sources(self, change: Change) -> Optional[str]:
        """The one package that made every file the item stems from, those left out that are as accepted."""
        owners: Set[Optional[str]] = set()
        for path in _sources(change.after or change.before or {}):
            if not self.known.stands(FILES, path):
                owners.add(self._source_owner(path, removed=change.change == "removed"))
        return owners.pop() if len(owners) == 1 else None

    def _source_owner(self, path: str, *, removed: bool) -> Optional[str]:
        place = unescape(path)
        try:
            opened = self.known.opened(place)
            found = os.lstat(opened)
            value: Value = {"type": "file"}
            if stat.S_ISLNK(found.st_mode):
                value = {"type": "link", "target": escape(os.readlink(opened))}
            elif stat.S_ISDIR(found.st_mode):
                value = {"type": "directory"}
        except OSError:
            return self._dropped.get(place)
        return None if removed else self._owner(Change("changed", FILES, path, None, value), place)

    def _owner(self, change: Change, place: bytes) -> Optional[str]:
        """The package that made the file at ``place`` what it is now."""
        if change.change == "removed":
            return self._dropped.get(place)
        value = change.after or {}
        package = self._brought.get(place)
        if package is None or value.get("type") == "link":
            return self._linked(place, value, package) or self._derived(change, place)
        if place in self._expected:
            found = read(self.known, place, expected=self._expected[place], package=package)
        elif place in self._configuration:
            # Whoever administers the host may edit it, so that it is not called wrong.
            quiet = self.known._replace(found=lambda *_, key: None)
            found = read(quiet, place, expected=self._configuration[place], package=package)
        else:
            return package if value.get("type") == "directory" else self._derived(change, place)
        seen = value.get("sha256", found.sha256)
        return package if found.verdict == contents.SAME and found.sha256 == seen else None

    def _linked(self, place: bytes, value: Value, package: Optional[str]) -> Optional[str]:
        """A link that the package lists and that leads to another of its files: dpkg keeps no targets of links."""
        if package is None or "target" not in value:
            return None
        target = os.path.normpath(os.path.join(os.path.dirname(place), unescape(str(value["target"]))))
        return package if self._brought.get(target) == package else None

    def _derived(self, change: Change, place: bytes) -> Optional[str]:
        if change.check != FILES:
            return None
        explained = {path: key for path, key in self._brought.items() if key in self.explaining}
        names = {key.partition(":")[0]: key for key in self.explaining}
        upgraded = derived.Upgraded(self.known.host, explained, names)
        package, moment = derived.explained(upgraded, derived.Asked(place, change.after or {}))
        if package is None or not moment:
            return package
        name, value = f"{change.check} {change.key}", digest.digest(change.after)
        if self.known.remembered.get(name, ("", ""))[0] == value:
            package = self.known.remembered[name][1]
        elif self.known.clock - self.known.records[package].since > derived.HOUR:
            return None
        self.derived[name] = (value, package)
        return package


def read(known: Known, place: bytes, *, expected: Expected, package: str) -> Content:
    """What is at ``place`` now; ``known.found`` is told as well."""
    try:
        opened = known.opened(place)
    except OSError:
        return Content(contents.UNREADABLE)
    found = contents.compare(opened, expected, now=known.now, sha256=True)
    known.found(opened, found, key=package)
    return found


def _sources(value: Value) -> List[str]:
    several = value.get("sources", [value["source"]] if "source" in value else [])
    return [path for path in several if isinstance(path, str)] if isinstance(several, list) else []


def explainable(change: Change) -> bool:
    """Whether an upgrade may explain a change of this class at all; what it may not is told whatever a list says."""
    if change.check != FILES:
        return change.check in STARTED
    judged = rating.rate(change)
    if judged.code == "file_setuid":
        return _content_alone(change)
    if judged.severity == "critical":
        return False
    if change.change == "changed":
        return _content_alone(change)
    return change.change == "removed" or _plain(change.after or {})


def _content_alone(change: Change) -> bool:
    return change.change == "changed" and _CONTENT.issuperset(change.fields())


def _plain(value: Value) -> bool:
    """Whether what appeared gives nobody a right: dpkg's lists say nothing of modes and owners."""
    mode = int(str(value.get("mode", "0")), 8)
    gives = value.get("type") != "link" and bool(mode & 0o6002)
    return value.get("uid") == 0 and not gives and not {"capabilities", "acl", "unreadable"} & set(value)


def word(change: Change) -> str:
    """How a change is named although it is explained; most are only counted."""
    if change.check != FILES:
        return f"{STARTED.get(change.check, change.check)} {change.key}"
    if change.change != "added" and rating.rate(change).code != "file_setuid":
        return ""
    if _UNIT.fullmatch(change.key):
        return f"unit {change.key}"
    if _CRON.fullmatch(change.key):
        return f"cron {change.key}"
    return f"setuid {change.key}" if rating.rate(change).code == "file_setuid" else ""
