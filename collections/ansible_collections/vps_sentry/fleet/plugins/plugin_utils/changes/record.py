# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of one path after plays changed it, and which drift is exactly that. Pure.

``asked`` is what the controller knows by itself: arguments of tasks, digests of what it sent. ``told`` is what the
host's module said of mode and owner right afterwards. Content is proven by ``asked`` alone: a host could tell anything.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, Literal, Mapping, Optional, Tuple

from ..limits import show

Fields = Mapping[str, Any]
"""Fields of an item of the check ``files`` (docs/checks.md)."""

Effect = Literal["content", "attributes", "edit"]
"""``content``: the whole of it was written anew. ``edit``: a part of it, so that nobody here knows the whole."""

ABSENT: Fields = {"type": "absent"}
TOLD = ("mode", "uid", "gid")
_CONTENT = frozenset({"type", "sha256", "size", "target"})


@dataclass(frozen=True)
class Change:
    """What one task did to one path of a host. ``path`` is written like the key of an item."""

    path: str
    effect: Effect
    asked: Fields
    told: Fields


@dataclass(frozen=True)
class Origin:
    """Where a change came from. ``revision`` is git's, empty where there is none; ``at`` is RFC 3339 UTC."""

    playbook: str
    play: str
    task: str
    revision: str
    by: str
    at: str

    def __str__(self) -> str:
        revision = f", git {show(self.revision[:12])}" if self.revision else ""
        return f"{show(self.playbook)}, task {show(self.task)}{revision}"


@dataclass(frozen=True)
class Entry:
    """One change on one host, by its name in the inventory."""

    host: str
    change: Change
    origin: Origin


@dataclass(frozen=True)
class Record:
    """All that is known of a path, and by which task last."""

    asked: Fields
    told: Fields
    origin: Origin


def merged(earlier: Optional[Record], change: Change, *, origin: Origin) -> Record:
    """What is known after ``change``: a new mode leaves the content known, an edit does not."""
    if earlier is None or change.effect == "content" or earlier.asked == ABSENT:
        return Record(change.asked, change.told, origin)
    kept: Dict[str, Any] = dict(earlier.asked)
    if change.effect == "edit":
        kept = {name: value for name, value in kept.items() if name not in _CONTENT}
    return Record({**kept, **change.asked}, {**earlier.told, **change.told}, origin)


def explains(record: Record, *, before: Optional[Fields], after: Optional[Fields]) -> bool:
    """Whether an item's step from ``before`` to ``after`` (None = absent) is what the record says, in every field.

    One field that nobody asked for, an access list say, and the step is not explained.
    """
    if after is None:
        return before is not None and record.asked == ABSENT
    old = before or {}
    moved = [name for name in {*old, *after} if old.get(name) != after.get(name)]
    return any(name in record.asked for name in moved) and all(_known(record, name, after) for name in moved)


def _known(record: Record, name: str, after: Fields) -> bool:
    if name in record.asked:
        return bool(record.asked[name] == after.get(name))
    if name == "nlink":
        # Ansible puts a new file in place, which has one name.
        return after.get(name) == 1 and "sha256" in record.asked
    return name in TOLD and name in record.told and bool(record.told[name] == after.get(name))


def recorded(known: Mapping[str, Record], move: Tuple[str, str, Optional[str], Optional[str]]) -> str:
    """By which task an item moved, empty when it is not exactly what plays left there.

    ``known`` is path -> record of one host; ``move`` is check, key, and both values as canonical JSON.
    """
    check, key, before, after = move
    record = known.get(key) if check == "files" else None
    if record is None:
        return ""
    old, new = (None if text is None else json.loads(text) for text in (before, after))
    return str(record.origin) if explains(record, before=old, after=new) else ""
