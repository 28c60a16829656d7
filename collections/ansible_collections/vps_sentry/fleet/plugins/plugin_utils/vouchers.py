# SPDX-License-Identifier: GPL-3.0-or-later
"""What packages explain: the word of a host for what changed on it, as far as the fleet bears that word out. Pure.

A host vouches for a change when an upgrade from a signed source brought exactly the value that is there now; names of a
merged /usr, diversions and edited configuration files it has seen through. That is its own claim. Here it counts only
for classes that a package may explain at all, and only while the package's own lists are those that its peers have.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import DefaultDict, FrozenSet, Iterable, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from .scope import severity

PACKAGES = "packages"
_CHECKS = ("files", "units", "cron")
"""What else an upgrade brings (users, listeners) is told like everything else."""
_CONTENT = frozenset({"sha256", "size", "nlink", "truncated"})
_OF_OTHERS = ("/", "diversion ", "statoverride ", "keyring ")
"""Keys of the check ``packages`` that are no packages begin so."""
_DOUBTFUL = ("local", "edited", "state")
"""Fields of a package that explains nothing: it is from no list, its lists were edited, it is half installed."""

Text = Optional[str]
Place = Tuple[str, str]
"""Check and key."""
Said = Mapping[Place, Tuple[str, str]]
"""What a host says of its own items: digest of the value it vouches for, and the package."""


@dataclass(frozen=True)
class Stack:
    """One package over the whole fleet: each value of its item (canonical JSON; None = absent), on how many hosts."""

    package: str
    holders: Tuple[Tuple[Text, int], ...]

    def versions(self) -> Tuple[Tuple[Text, int], ...]:
        """Version and how many hosts have it, most hosts first; None: it is not installed there."""
        counts: Counter[Text] = Counter()
        for value, hosts in self.holders:
            counts[None if value is None else _text(json.loads(value), "version")] += hosts
        return tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0] is None, one[0] or "")))


@dataclass(frozen=True)
class Vouchers:
    """What packages explain on each host."""

    said: Mapping[str, Said] = field(default_factory=dict)
    """By host."""
    borne_out: FrozenSet[Tuple[str, str]] = frozenset()
    """Package and digest of its item, where its lists are those of its peers and nothing speaks against it."""

    def package(self, host: str, place: Place, *, after: Text) -> str:
        """Key of the package whose upgrade made the item what it is now, ``after``; empty when none explains that.

        Says nothing of whether a package may explain it: that is ``explainable``.
        """
        said = self.said.get(host, {})
        value, package = said.get(place, ("", ""))
        own, itself = said.get((PACKAGES, package), ("", ""))
        known = itself == package and (package, own) in self.borne_out
        return package if known and value == digest_of(after) else ""

    def holds(self, host: str, package: str, *, value: Text) -> bool:
        """Whether the package's item on the host is the very one the host vouches with."""
        return self.said[host][PACKAGES, package][0] == digest_of(value)


@lru_cache(maxsize=1024)
def digest_of(value: Text) -> str:
    """As hosts write it; of ``null`` where the item is absent. Asked of the same value once for each host."""
    return f"sha256:{sha256((value or 'null').encode('ascii')).hexdigest()}"


def explainable(place: Place, values: Iterable[Text]) -> bool:
    """Whether a package may explain a difference between these values of an item: never in a class that is critical.

    The one exception is a program with rights of its own, such as sudo's, of which the content alone differs.
    """
    check, key = place
    held = set(values)
    if check not in _CHECKS:
        return False
    if severity(check, key, values=held) != "critical":
        return True
    return severity(check, key, values=()) != "critical" and None not in held and _content_alone(held)


def _content_alone(values: Set[Text]) -> bool:
    rights = {
        json.dumps({name: entry for name, entry in json.loads(value).items() if name not in _CONTENT}, sort_keys=True)
        for value in values
        if value is not None
    }
    return len(rights) == 1


def borne_out(stacks: Iterable[Stack]) -> FrozenSet[Tuple[str, str]]:
    """The values of packages that may explain: of each version those with the lists that most hosts have."""
    return frozenset((stack.package, digest_of(value)) for stack in stacks for value in _agreed(stack))


def _agreed(stack: Stack) -> Iterator[str]:
    lists: DefaultDict[str, Counter[str]] = defaultdict(Counter)
    fields = [(value, json.loads(value), hosts) for value, hosts in stack.holders if value is not None]
    for _value, item, hosts in fields:
        lists[_text(item, "version")][_text(item, "lists")] += hosts
    for value, item, _hosts in fields:
        first, *others = lists[_text(item, "version")].most_common(2)
        leads = first[0] == _text(item, "lists") and (not others or first[1] > others[0][1])
        if leads and not any(name in item for name in _DOUBTFUL):
            yield value


def _text(item: Mapping[str, object], name: str) -> str:
    return str(item.get(name, ""))


def is_package(key: str) -> bool:
    """Whether an item of the check ``packages`` is a package, and not a file, a diversion or the like."""
    return not key.startswith(_OF_OTHERS)


def packages_of(said: Iterable[Said]) -> FrozenSet[str]:
    """Every package that some host vouches with."""
    return frozenset(package for one in said for _value, package in one.values())


def read(rows: Iterable[Tuple[str, str]]) -> Said:
    """``rows``: key ``CHECK KEY`` and canonical JSON, as a host sent them; of another form: nothing is said."""
    found = {}
    for key, text in rows:
        item = json.loads(text)
        value, package = item.get("value"), item.get("package")
        check, space, name = key.partition(" ")
        if space and isinstance(value, str) and isinstance(package, str) and is_package(package):
            found[check, name] = (value, package)
    return found


def stacks_of(rows: Iterable[Tuple[str, str, int]], packages: Sequence[str], *, hosts: int) -> List[Stack]:
    """``rows``: package, value and how many of the ``hosts`` hold it."""
    held: DefaultDict[str, Counter[Text]] = defaultdict(Counter)
    for package, value, count in rows:
        held[package][value] += count
    for package in packages:
        absent = hosts - held[package].total()
        if absent > 0:
            held[package][None] = absent
    return [
        Stack(package, tuple(sorted(held[package].items(), key=lambda one: (-one[1], one[0] or ""))))
        for package in sorted(packages)
    ]
