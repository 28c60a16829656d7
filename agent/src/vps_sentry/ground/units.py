# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's units as systemd takes them: drop-ins that nobody installed, and whether the timer is enabled."""

from __future__ import annotations

from typing import Dict, Iterator, List, Tuple

from .. import release
from ..core.canonical import escape
from ..core.model import Value
from ..errors import CollectError
from ..host import Host
from ..launch import places, shown, unitfile
from ..launch.catalogue import Catalogue, Manager
from ..launch.disk import Disk, Entry
from ..watch import entries

TIMER = b"vps-sentry.timer"
OWN = (b"vps-sentry.service", TIMER, b"vps-sentry-ship.service")
_SHARED = (b"service", b"timer", b"vps-.service", b"vps-.timer", b"vps-sentry-.service")
"""Drop-ins for many units that count for the agent's as well (systemd.unit(5))."""
_CREDENTIALS = (b"LoadCredential", b"SetCredential")
_MOST = 50


def items(host: Host, record: bytes) -> Dict[str, Value]:
    """Drop-ins besides those in the record of the installation, and the state of the timer."""
    catalogue = Catalogue(Disk(host), Manager("", places.SYSTEM))
    installed = release.recorded(record)
    found = {}
    for entry in _drop_ins(catalogue):
        path = escape(entry.path)
        said = _settings(catalogue, entry)
        if path not in installed and said:
            found[f"drop-in:{path}"] = _item(said, path)
    return {**found, "timer": _timer(catalogue)}


def layout(host: Host) -> Tuple[entries.Compiled, ...]:
    """What a stamp must find unmoved: the files, drop-ins and links of the agent's units, wherever they may lie."""
    names = [*OWN, *(name + b".d" for name in (*OWN, *_SHARED)), b"timers.target.wants"]
    chosen = tuple((name,) for name in names)
    targets = [entries.Target(folder + b"/", (chosen,), 1) for folder in places.SYSTEM]
    watches, aliases = entries.lay_out(targets, host, excluded=())
    return watches + aliases


def _item(said: List[str], path: str) -> Value:
    return {"sets": [*said], "sources": [path]}


def _drop_ins(catalogue: Catalogue) -> Iterator[Entry]:
    for name in OWN:
        yield from catalogue.drop_ins(name)[0]
    for name in _SHARED:
        if name in catalogue.additions:
            yield from catalogue.additions[name].files.values()


def _settings(catalogue: Catalogue, entry: Entry) -> List[str]:
    """What a drop-in sets; nothing for one that only hands secrets to the process that ships."""
    try:
        text = b"" if catalogue.is_null(entry) else catalogue.disk.read(entry.path)
    except CollectError as exc:
        return [str(exc)]
    lines = list(unitfile.parse(text))
    if all(name in _CREDENTIALS for _, name, _ in lines):
        return []
    return [f"{escape(name)}={shown.line(value)}" for _, name, value in lines[:_MOST]]


def _timer(catalogue: Catalogue) -> Value:
    fragment = catalogue.fragments.get(TIMER)
    links = [escape(link.path) for link in catalogue.links.get(TIMER, ())]
    if fragment is None:
        state = "missing"
    elif catalogue.is_null(fragment):
        state = "masked"
    else:
        state = "enabled" if links else "disabled"
    return {"state": state, "sources": [*links, *([escape(fragment.path)] if fragment else [])]}
