# SPDX-License-Identifier: GPL-3.0-or-later
"""Units as items: which program runs as whom, what starts it, where that is written."""

from __future__ import annotations

from typing import Dict, Iterable, List, Optional, Tuple

from ..core.canonical import escape
from ..core.model import Value
from ..errors import CollectError
from ..proc.owners import FRESH
from . import places, shown, unitfile
from .catalogue import Catalogue, Manager, template
from .disk import Disk, Entry
from .unitfile import Settings

_EXEC = tuple(
    b"Exec" + when
    for when in (b"Condition", b"StartPre", b"Start", b"StartPost", b"Reload", b"Stop", b"StopPre", b"StopPost")
)
_WHEN = (
    *(b"OnCalendar", b"OnActiveSec", b"OnBootSec", b"OnStartupSec", b"OnUnitActiveSec", b"OnUnitInactiveSec"),
    *(b"OnClockChange", b"OnTimezoneChange", b"ListenStream", b"ListenDatagram", b"ListenSequentialPacket"),
    *(b"ListenFIFO", b"ListenSpecial", b"ListenNetlink", b"ListenMessageQueue", b"ListenUSBFunction"),
    *(b"PathExists", b"PathExistsGlob", b"PathChanged", b"PathModified", b"DirectoryNotEmpty"),
)
_STARTS = (
    *(b"Unit", b"Service", b"Sockets", b"OnFailure", b"OnSuccess", b"Wants", b"Requires", b"BindsTo", b"Upholds"),
    b"JoinsNamespaceOf",
)
_SEES = (
    *(b"RootDirectory", b"RootImage", b"BindPaths", b"BindReadOnlyPaths", b"InaccessiblePaths", b"TemporaryFileSystem"),
    *(b"MountImages", b"ExtensionImages", b"ExtensionDirectories", b"What", b"Where"),
)
_IDENTITY = (b"Group", b"SupplementaryGroups", b"AmbientCapabilities", b"PAMName")
_ENVIRONMENT = (b"Environment", b"EnvironmentFile", b"PassEnvironment")
_SINGLE = (b"User", b"Group", b"DynamicUser", b"PAMName", b"RootDirectory", b"RootImage", b"Unit", b"Service")
_LISTS = {"runs": _EXEC, "when": _WHEN, "starts": _STARTS, "sees": _SEES, "identity": _IDENTITY}
_TRUE = (b"1", b"yes", b"y", b"true", b"t", b"on")
MOST = 100
"""Lines of one kind that a unit shows; a digest stands for the rest."""


def items(disk: Disk, manager: Manager) -> Dict[str, Value]:
    """Every unit that ``manager`` finds, and the drop-ins that are meant for many units at once."""
    catalogue = Catalogue(disk, manager)
    found: Dict[str, Value] = {}
    for name in catalogue.names():
        key, value = _unit(catalogue, name)
        _merge(found, manager.prefix + key, value)
    for name, addition in catalogue.shared():
        paths = [entry.path for entry in addition.files.values()]
        value = _content(catalogue, [addition.files[base] for base in sorted(addition.files)], name)
        found[f"{manager.prefix}{escape(name)}.d"] = _with_sources(value, [*paths, *addition.folders])
    return found


def _merge(found: Dict[str, Value], key: str, value: Value) -> None:
    """Units that are numbered afresh each time share a key; what they do is told together."""
    before = found.get(key, {})
    for name, field in before.items():
        other = value.get(name)
        if isinstance(field, list) and isinstance(other, list):
            value[name] = sorted({str(entry) for entry in (*field, *other)})
        elif other is None:
            value[name] = field
    found[key] = value


def _unit(catalogue: Catalogue, name: bytes) -> Tuple[str, Value]:
    fragment = catalogue.fragments.get(name) or catalogue.fragments.get(template(name))
    drop_ins, folders = catalogue.drop_ins(name)
    paths = [entry.path for entry in (*catalogue.links.get(name, ()), *catalogue.aliases.get(name, ()))]
    other = catalogue.alias_of(fragment) if fragment else b""
    if other:
        value: Value = {"alias_of": escape(other)}
    else:
        paths += [*(entry.path for entry in drop_ins), *folders]
        value = _file(catalogue, name, fragment, drop_ins)
    value.update(_known_as(catalogue, name))
    if fragment:
        paths.append(fragment.path)
        if fragment.path.rpartition(b"/")[0].endswith(b"/" + places.TRANSIENT):
            return _passing(fragment, value)
    return escape(name), _with_sources(value, paths)


def _known_as(catalogue: Catalogue, name: bytes) -> Value:
    wanted = catalogue.wanted_by(name)
    aliases = sorted(escape(entry.name) for entry in catalogue.aliases.get(name, ()))
    value: Value = {"enabled_by": [*wanted]} if wanted else {}
    return {**value, "aliases": [*aliases]} if aliases else value


def _passing(fragment: Entry, value: Value) -> Tuple[str, Value]:
    """A unit that a program made for a while: what is numbered afresh each time must not look new each time."""
    fresh: Value = {
        name: [FRESH.sub("*", str(line)) for line in field] if isinstance(field, list) else field
        for name, field in value.items()
    }
    key = FRESH.sub("*", escape(fragment.name))
    source = escape(fragment.path.rpartition(b"/")[0]) + "/" + key
    return key, {**fresh, "transient": True, "sources": [source]}


def _with_sources(value: Value, paths: Iterable[bytes]) -> Value:
    return {**value, "sources": [*sorted({escape(path) for path in paths})]}


def _file(catalogue: Catalogue, name: bytes, fragment: Optional[Entry], drop_ins: List[Entry]) -> Value:
    if fragment is None:
        return {"state": "without a file", **_content(catalogue, drop_ins, name)}
    if catalogue.is_null(fragment):
        return {"state": "masked"}
    stray = catalogue.stray(fragment)
    value = _content(catalogue, [fragment, *drop_ins], name)
    return {**value, "target": escape(stray)} if stray else value


def _content(catalogue: Catalogue, parts: List[Entry], name: bytes) -> Value:
    """What a unit's file and drop-ins say together."""
    texts, problems = [], []
    for part in parts:
        if catalogue.is_null(part):
            continue
        catalogue.stray(part)
        try:
            texts.append(catalogue.disk.read(part.path, owner=catalogue.manager.owner))
        except CollectError as exc:
            problems.append(f"{escape(part.path)}: {exc}")
    if parts and texts and not texts[0].strip() and parts[0].name == name:
        # systemd takes an empty file for a mask as well.
        return {"state": "masked"}
    value = describe(unitfile.settle(texts), user=_default_user(catalogue.manager, name))
    return {**value, "unreadable": problems[:MOST]} if problems else value


def _default_user(manager: Manager, name: bytes) -> Optional[str]:
    return manager.runs_as if name.endswith((b".service", b".socket")) else None


def describe(settings: Settings, *, user: Optional[str]) -> Value:
    """The fields of an item; ``user`` is who it runs as unless it says so itself."""
    said: Dict[bytes, List[bytes]] = {}
    for (_, name), values in settings.items():
        said.setdefault(name, []).extend(values)
    value: Value = {}
    for field, names in _LISTS.items():
        lines = [line for name in names if name in said for line in _lines(name, said[name])]
        if lines:
            value[field] = _capped(lines)
    environment = [line for name in _ENVIRONMENT if name in said for line in _assignments(name, said[name])]
    if environment:
        value["environment"] = _capped(environment)
    if "runs" in value and user is not None:
        value["user"] = _user(said) or user
    if any(section == b"Install" for section, _ in settings):
        value["installable"] = True
    return value


def _user(said: Dict[bytes, List[bytes]]) -> str:
    if b"User" in said:
        return shown.line(said[b"User"][-1])
    return "dynamic" if said.get(b"DynamicUser", [b""])[-1].lower() in _TRUE else ""


def _capped(lines: List[str]) -> List[str]:
    if len(lines) <= MOST:
        return lines
    rest = shown.digest("\n".join(lines[MOST:]).encode())
    return [*lines[:MOST], f"and {len(lines) - MOST} more [{rest}]"]


def _lines(name: bytes, values: List[bytes]) -> List[str]:
    return [f"{escape(name)}={shown.line(value)}" for value in (values[-1:] if name in _SINGLE else values)]


def _assignments(name: bytes, values: List[bytes]) -> List[str]:
    if name != b"Environment":
        return _lines(name, values)
    return [shown.assignment(word) for value in values for word in unitfile.words(value)]
