# SPDX-License-Identifier: GPL-3.0-or-later
"""The process of the run itself: variables nobody should have set, code that is no package's, limits below its own.

Only a run that the agent's own unit started can judge this; any other repeats what the last such run saw.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Iterable, List, Mapping, Set, Tuple

from ..core.canonical import escape, unescape
from ..core.model import Value
from ..errors import CollectError
from ..host import Host
from ..launch import shown, unitfile
from ..packages import owner_of
from ..tick import ground

UNIT_FILE = "/etc/systemd/system/vps-sentry.service"
_SYSTEM = (b"/usr/lib/", b"/usr/lib64/", b"/lib/", b"/lib64/", b"/usr/bin/", b"/bin/", b"/usr/libexec/")
_REMOVED = b"VPS_SENTRY_REMOVED_ENVIRONMENT"
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def look(host: Host, before: Mapping[str, Any]) -> Tuple[Dict[str, Value], Dict[str, Any]]:
    """Items, and what the next look and the stamp must know. Raises OSError, CollectError."""
    groups = ground.read(b"/proc/self/cgroup")
    if not ground.is_own(groups):
        return dict(before.get("items", {})), dict(before)
    environment = ground.strangers(ground.read(b"/proc/self/environ"))
    code = ground.mapped(ground.read(b"/proc/self/maps"))
    limits = ground.limits_of(groups)
    known = {str(line) for line in before.get("code", ())}
    foreign = strangers_of(host, [line for line in map(escape, sorted(code)) if line not in known])
    foreign |= {str(path) for path in before.get("foreign", ()) if any(path in escape(line) for line in code)}
    items: Dict[str, Value] = {f"library:{path}": {"state": "no package brought it"} for path in sorted(foreign)}
    items.update(variables(environment))
    items.update(narrower(limits, host.read(UNIT_FILE)))
    kept = {
        "environment": [*map(escape, environment)],
        "code": sorted(known | set(map(escape, code))) if len(known) < 500 else [*map(escape, code)],
        "foreign": sorted(foreign),
        "limits": [[escape(file), escape(text)] for file, text in limits],
        "items": items,
    }
    return items, kept


def stamp(memory: Mapping[str, Any]) -> Tuple[str, Tuple[Any, ...]]:
    """The stamp that what ``look`` remembered leaves."""
    limits = tuple((unescape(file), unescape(text)) for file, text in memory.get("limits", ()))
    named = tuple(tuple(unescape(line) for line in memory.get(name, ())) for name in ("environment", "code"))
    return "ground", (*named, limits)


def variables(environment: Iterable[bytes]) -> Dict[str, Value]:
    """What was set for the agent and is no business of anybody's; a name the wrapper had to remove included."""
    found: Dict[str, Value] = {}
    for entry in environment:
        name, _, value = entry.partition(b"=")
        if name == _REMOVED:
            found.update({f"environment:{escape(word)}": {"state": "removed by the wrapper"} for word in value.split()})
        else:
            found[f"environment:{escape(name)}"] = {"state": shown.line(value) if value else "set"}
    return found


def strangers_of(host: Host, lines: List[str]) -> Set[str]:
    """Of mapped files (device, inode, path) the paths that no package brought."""
    paths = [line.split(" ", 2)[2] for line in lines]
    # A file that an upgrade under way replaces is mapped until this run ends.
    paths = [path[: -len(" (deleted)")] if path.endswith(" (deleted)") else path for path in paths]
    if not paths:
        return set()
    try:
        owned = owner_of(host, paths)
    except CollectError:
        return {path for path in paths if not _is_systems(path)}
    return {path for path in paths if path not in owned and not _is_cache(path)}


def _is_systems(path: str) -> bool:
    """Without a database of packages: whether a file lies where only root puts libraries."""
    try:
        found = os.lstat(unescape(path))
    except OSError:
        return False
    return unescape(path).startswith(_SYSTEM) and not found.st_uid and not found.st_mode & 0o022


def _is_cache(path: str) -> bool:
    # Mapped for reading alone, but some kernels show them executable under READ_IMPLIES_EXEC.
    return path in ("/etc/ld.so.cache", "/usr/lib/locale/locale-archive")


def narrower(limits: Iterable[Tuple[bytes, bytes]], unit: bytes) -> Dict[str, Value]:
    """The limits that are tighter than those the agent's own unit sets."""
    settings = unitfile.settle([unit])
    quota = settings.get((b"Service", b"CPUQuota"), [b""])[-1].rstrip(b"%")
    memory = _bytes(settings.get((b"Service", b"MemoryMax"), [b""])[-1].decode("ascii", "replace"))
    share = int(quota) if quota.isdigit() else 0
    found: Dict[str, Value] = {}
    for file, text in limits:
        if file.endswith(b"cpu.max"):
            tight = _percent(*text.split()[:2]) < share
        elif file.endswith(b"cpu.cfs_quota_us"):
            tight = _percent(text, b"100000") < share
        else:
            tight = text.isdigit() and int(text) < memory
        if tight:
            found[f"limit:{escape(file)}"] = {"state": shown.line(text)}
    return found


def _percent(quota: bytes, period: bytes) -> int:
    return int(quota) * 100 // max(1, int(period)) if quota.isdigit() and period.isdigit() else 100


def _bytes(text: str) -> int:
    number, unit = text[:-1], text[-1:]
    return int(number) * _UNITS[unit] if unit in _UNITS and number.isdigit() else 0
