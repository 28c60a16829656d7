# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd and D-Bus start without a unit: generators, hooks, init scripts; environments and presets."""

from __future__ import annotations

from typing import Dict, Iterable, Iterator, List, Optional, Tuple

from ..core.canonical import escape
from ..core.model import Value
from ..errors import CollectError
from . import places, shown, unitfile
from .disk import Disk, Entry
from .places import Owned

Item = Tuple[str, Value]
_NULL = b"/dev/null"
_SHOWN = 200
_BUS = (b"Exec", b"User", b"SystemdService")


def items(disk: Disk, owned: Iterable[Owned]) -> Dict[str, Value]:
    """All of it, by key."""
    found = dict(_shared(disk))
    for place in owned:
        owner = place.account.uid
        found.update(_environments(disk, place.environments, owner=owner))
        found.update(_buses(disk, place.buses, owner=owner))
    return found


def _shared(disk: Disk) -> Iterator[Item]:
    yield from _programs(disk)
    yield from _environments(disk, places.ENVIRONMENTS)
    yield from _buses(disk, places.BUSES)
    yield from _presets(disk)
    yield from _scripts(disk)
    for kind in places.MANAGERS:
        yield from _manager(disk, kind)
    for entry in disk.entries(places.LINGER):
        yield f"linger:{escape(entry.name)}", {"sources": [escape(entry.path)]}


def _programs(disk: Disk) -> Iterator[Item]:
    for folder in disk.folders(places.HOOKS):
        for entry in disk.entries(folder):
            if entry.kind != "folder":
                yield escape(entry.path), _program(disk, entry)


def _program(disk: Disk, entry: Entry) -> Value:
    aim = disk.aim(entry) if entry.kind == "link" else b""
    if aim == _NULL:
        return {"state": "masked", "sources": [escape(entry.path)]}
    if aim:
        disk.note(aim)
    value: Value = {"runs": [escape(aim or entry.path)], "user": "root", "sources": [escape(entry.path)]}
    return value if disk.executable(entry.path) else {**value, "state": "not executable"}


def _texts(
    disk: Disk, folders: Tuple[bytes, ...], suffix: bytes, *, owner: Optional[int] = None
) -> Iterator[Tuple[Entry, Value, bytes]]:
    """The files of some folders that end in ``suffix``: the file, an item without what it says, and its content."""
    for folder in disk.folders(folders):
        for entry in disk.entries(folder, owner=owner):
            if entry.kind == "folder" or not entry.name.endswith(suffix):
                continue
            value: Value = {"sources": [escape(entry.path)]}
            if entry.kind == "link":
                value["target"] = escape(disk.aim(entry))
                disk.note(disk.aim(entry))
            try:
                yield entry, value, b"" if value.get("target") == "/dev/null" else disk.read(entry.path, owner=owner)
            except CollectError as exc:
                yield entry, {**value, "unreadable": [str(exc)]}, b""


def _environments(disk: Disk, folders: Tuple[bytes, ...], *, owner: Optional[int] = None) -> Iterator[Item]:
    for entry, value, text in _texts(disk, folders, b".conf", owner=owner):
        lines = [line.strip() for line in text.split(b"\n")]
        said = [shown.assignment(line) for line in lines if b"=" in line and not line.startswith(b"#")]
        yield escape(entry.path), {**value, "environment": said[:_SHOWN]}


def _buses(disk: Disk, folders: Tuple[bytes, ...], *, owner: Optional[int] = None) -> Iterator[Item]:
    for entry, value, text in _texts(disk, folders, b".service", owner=owner):
        said = {name: content for _, name, content in unitfile.parse(text) if name in _BUS}
        if said.get(b"Exec"):
            value["runs"] = [f"Exec={shown.line(said[b'Exec'])}"]
        if b"SystemdService" in said:
            value["starts"] = [f"SystemdService={shown.line(said[b'SystemdService'])}"]
        if b"User" in said:
            value["user"] = shown.line(said[b"User"])
        yield escape(entry.path), value


def _presets(disk: Disk) -> Iterator[Item]:
    for entry, value, text in _texts(disk, places.PRESETS, b".preset"):
        lines = [line.strip() for line in text.split(b"\n")]
        rules = [shown.line(b" ".join(line.split())) for line in lines if line and line[:1] not in (b"#", b";")]
        yield escape(entry.path), {**value, "starts": rules[:_SHOWN]}


def _manager(disk: Disk, kind: bytes) -> Iterator[Item]:
    """What every service is given by system.conf(5) and its additions."""
    mains = [path for path in places.manager_files(kind) if disk.facts(path)]
    parts = _texts(disk, places.manager_folders(kind), b".conf")
    added = {entry.name: (entry.path, text) for entry, _, text in reversed([*parts])}
    texts: List[bytes] = []
    for path in mains[:1]:
        try:
            texts.append(disk.read(path))
        except CollectError as exc:
            disk.unseen[escape(path)] = str(exc)
    texts += [text for _, (_, text) in sorted(added.items())]
    settings = unitfile.settle(texts)
    said = [
        shown.assignment(word)
        for name in (b"DefaultEnvironment", b"ManagerEnvironment")
        for value in settings.get((b"Manager", name), ())
        for word in unitfile.words(value)
    ]
    if said:
        paths = [*mains[:1], *(path for path, _ in added.values())]
        yield f"manager:{escape(kind)}", {"environment": said[:_SHOWN], "sources": [*sorted(map(escape, paths))]}


def _scripts(disk: Disk) -> Iterator[Item]:
    """Scripts of System V, for which systemd makes units (systemd-sysv-generator(8)), and rc.local."""
    links: Dict[bytes, List[Entry]] = {}
    for folder in places.RUNLEVELS:
        for entry in disk.entries(folder):
            # S20name starts in that runlevel, K20name ends there.
            links.setdefault(entry.name[3:], []).append(entry)
    there = {entry.name: entry for entry in disk.entries(places.INIT) if entry.kind != "folder"}
    for name in sorted({*there, *links}):
        if name in (b"", b"README"):
            continue
        value: Value = _program(disk, there[name]) if name in there else {"state": "without a file", "sources": []}
        starts = [entry for entry in links.get(name, ()) if entry.name.startswith(b"S")]
        if starts:
            value["enabled_by"] = [escape(b"/".join(entry.path.split(b"/")[-2:])) for entry in starts]
        paths = [escape(entry.path) for entry in links.get(name, ())]
        own = value["sources"] if isinstance(value["sources"], list) else []
        yield f"init:{escape(name)}", {**value, "sources": [*map(str, own), *paths]}
    for path in disk.folders(places.RC_LOCAL):
        if disk.facts(path) is not None:
            yield escape(path), _program(disk, Entry(path, "file"))
