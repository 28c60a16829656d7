# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd's effective settings as items: what ``sshd -T`` prints, and each Match block by its own condition. Pure."""

from __future__ import annotations

from typing import Dict, Iterable, List, Sequence, Tuple

from ..core.model import Value
from ..sshd.syntax import Setting

_LISTS = frozenset(
    ("allowusers", "allowgroups", "denyusers", "denygroups", "acceptenv", "setenv", "listenaddress", "port", "hostkey",
     "hostcertificate", "subsystem", "logverbose", "persourcepenaltyexemptlist", "addressfamily")
)  # fmt: skip
"""Of the others only the first counts."""
_UNORDERED = "listenaddress"
"""sshd names IPv4 or IPv6 first by whether an interface is up yet, so early in a boot the other way round."""
_SAME = {"without-password": "prohibit-password"}
_KEY = 160
Items = Dict[str, Value]


def effective(output: str, settings: Iterable[Setting]) -> Items:
    """The lines of ``sshd -T``; each with the file that says so, where one does."""
    found: Dict[str, List[str]] = {}
    for line in output.splitlines():
        keyword, _, value = line.strip().partition(" ")
        if keyword.isalnum():
            found.setdefault(keyword.lower(), []).append(_SAME.get(value.lower(), value))
    if _UNORDERED in found:
        found[_UNORDERED].sort()
    sources = _sources(setting for setting in settings if not setting.conditions)
    return {keyword: _value(values, sources.get(keyword, [])) for keyword, values in found.items()}


def explicit(settings: Sequence[Setting], *, prefix: str = "") -> Items:
    """What the files say, defaults left out; ``prefix`` stands before each key."""
    groups: Dict[Tuple[str, str], List[Setting]] = {}
    for setting in settings:
        condition = " and ".join(" ".join(words) for words in setting.conditions)
        groups.setdefault((condition, setting.keyword), []).append(setting)
    found: Items = {}
    for (condition, keyword), said in groups.items():
        counted = said if keyword in _LISTS else said[:1]
        values = [" ".join(setting.arguments) for setting in counted]
        match = f"Match {condition[:_KEY]}: " if condition else ""
        found[f"{prefix}{match}{keyword}"] = _value([_SAME.get(v.lower(), v) for v in values], _places(counted))
    return found


def _value(values: List[str], sources: List[str]) -> Value:
    value: Value = {"values": values}
    if sources:
        value["sources"] = sorted(set(sources))
    return value


def _sources(settings: Iterable[Setting]) -> Dict[str, List[str]]:
    found: Dict[str, List[Setting]] = {}
    for setting in settings:
        found.setdefault(setting.keyword, []).append(setting)
    return {keyword: _places(said if keyword in _LISTS else said[:1]) for keyword, said in found.items()}


def _places(settings: Iterable[Setting]) -> List[str]:
    """Files without line numbers, which move with every comment; a command line is no file."""
    places = (setting.place.rpartition(":")[0] for setting in settings)
    return [place for place in places if place.startswith("/")]
