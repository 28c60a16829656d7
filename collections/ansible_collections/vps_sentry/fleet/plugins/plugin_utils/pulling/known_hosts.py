# SPDX-License-Identifier: GPL-3.0-or-later
"""known_hosts as sshd(8) describes it: plain, hashed and wildcard names, revoked keys, authorities."""

from __future__ import annotations

import fnmatch
import functools
import hmac
from base64 import b64decode
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import DefaultDict, FrozenSet, Iterable, List, Optional, Sequence, Tuple

Key = Tuple[str, str]
"""Type and base64 of a public key."""


@dataclass(frozen=True)
class Known:
    """What is known of one host; ``authority`` says that a certificate of its would do."""

    keys: Tuple[Key, ...] = ()
    authority: bool = False


@dataclass(frozen=True)
class _Line:
    marker: str
    names: str
    key: Key

    def matches(self, name: str) -> bool:
        if self.names.startswith("|1|"):
            return _is_hash_of(self.names, name)
        found = False
        for pattern in self.names.split(","):
            if pattern.startswith("!") and _like(name, pattern[1:]):
                return False
            found = found or _like(name, pattern)
        return found


class KnownHosts:
    """The lines of several files. Names without a pattern are found at once, all other lines are tried one by one."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._plain: DefaultDict[str, List[_Line]] = defaultdict(list)
        self._others: List[_Line] = []
        for line in (line for text in texts for line in _lines(text)):
            names = line.names.split(",")
            if line.names.startswith("|") or any(char in line.names for char in "*?!"):
                self._others.append(line)
            else:
                for name in names:
                    self._plain[name.lower()].append(line)

    def of(self, name: str) -> Known:
        """The keys a host may show under ``name`` (``host``, or ``[host]:port``); revoked ones are none."""
        found = [*self._plain.get(name.lower(), ()), *(line for line in self._others if line.matches(name.lower()))]
        revoked: FrozenSet[Key] = frozenset(line.key for line in found if line.marker == "@revoked")
        keys = tuple(line.key for line in found if not line.marker and line.key not in revoked)
        return Known(keys, any(line.marker == "@cert-authority" for line in found))


@functools.lru_cache(maxsize=32)
def read(paths: Sequence[str]) -> KnownHosts:
    """Those files as they are now; one that is missing is empty. Read once for the whole run."""
    return KnownHosts([text for text in map(_read, paths) if text is not None])


def _read(path: str) -> Optional[str]:
    try:
        return Path(path).expanduser().read_text("utf-8", "replace")
    except OSError:
        return None


def _lines(text: str) -> Iterable[_Line]:
    for raw in text.splitlines():
        words = raw.split()
        if not words or words[0].startswith("#"):
            continue
        marker = words.pop(0) if words[0].startswith("@") else ""
        if len(words) >= 3:
            yield _Line(marker, words[0], (words[1], words[2]))


def _like(name: str, pattern: str) -> bool:
    # Brackets are part of "[host]:port", not of a pattern.
    return fnmatch.fnmatchcase(name, pattern.lower().replace("[", "[[]"))


def _is_hash_of(entry: str, name: str) -> bool:
    parts = entry.split("|")
    try:
        salt, expected = b64decode(parts[2], validate=True), b64decode(parts[3], validate=True)
    except (IndexError, ValueError):
        return False
    return hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), expected)
