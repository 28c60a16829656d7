# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets that systemd holds until somebody connects: which service it starts then (systemd.socket(5))."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Dict, Iterable, Iterator, List, Mapping, Sequence, Set, Tuple

from ..core.canonical import escape
from ..core.model import Value
from . import rating
from .keys import parse

MANAGER = "init.scope"
"""The unit of systemd itself; that of a user's manager is ``user@UID.service/init.scope``."""
FOLDERS = (
    *("/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient"),
    *("/run/systemd/generator.early", "/etc/systemd/system", "/etc/systemd/system.attached"),
    *("/run/systemd/system", "/run/systemd/system.attached", "/run/systemd/generator"),
    *("/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"),
    "/run/systemd/generator.late",
)
"""Where units lie, the most important folder first (systemd.unit(5))."""
_PROTOCOLS = {b"ListenStream": "tcp", b"ListenDatagram": "udp"}
_NOWHERE = (b"/", b"@", b"vsock:")
"""Beginnings of addresses that are no port."""
Port = Tuple[str, int]


@dataclass(frozen=True)
class SocketUnit:
    """A ``.socket`` unit: its ports and the service it starts."""

    name: str
    ports: Tuple[Port, ...]
    service: str


def read(folders: Sequence[str] = FOLDERS) -> Tuple[List[SocketUnit], List[str]]:
    """Every socket unit of this machine, and the folders and files that say so."""
    fragments: Dict[str, str] = {}
    additions: Dict[str, Dict[str, str]] = {}
    for folder in folders:
        for name in _names(folder):
            if name.endswith(".socket"):
                fragments.setdefault(name, f"{folder}/{name}")
            elif name.endswith(".socket.d"):
                place = additions.setdefault(name[: -len(".d")], {})
                for addition in _names(f"{folder}/{name}"):
                    if addition.endswith(".conf"):
                        place.setdefault(addition, f"{folder}/{name}/{addition}")
    units, seen = [], [*folders]
    for name, path in sorted(fragments.items()):
        paths = [path, *(entry for _, entry in sorted(additions.get(name, {}).items()))]
        units.append(parse_unit(name, [_read(entry) for entry in paths]))
        seen += [*paths, *sorted({os.path.dirname(entry) for entry in paths[1:]})]
    return units, seen


def parse_unit(name: str, texts: Iterable[bytes]) -> SocketUnit:
    """A unit file and its additions, in that order. A socket that accepts by itself starts an instance for each."""
    ports: List[Port] = []
    service, accepts = b"", False
    for line in b"\n".join(texts).splitlines():
        word, _, value = (part.strip() for part in line.partition(b"="))
        if word in _PROTOCOLS and not value:
            ports = []  # An empty assignment forgets all addresses, of whatever kind.
        elif word in _PROTOCOLS:
            ports += _ports(_PROTOCOLS[word], value)
        elif word == b"Service":
            service = value
        elif word == b"Accept":
            accepts = value.lower() in (b"1", b"yes", b"true", b"on", b"y", b"t")
    stem = name[: -len(".socket")]
    return SocketUnit(name, tuple(ports), escape(service) or stem + ("@.service" if accepts else ".service"))


def _ports(protocol: str, address: bytes) -> Iterator[Port]:
    port = address.rpartition(b":")[2]
    if port.isdigit() and not address.startswith(_NOWHERE):
        yield protocol, int(port)


def mark(items: Mapping[str, Value], units: Iterable[SocketUnit]) -> Dict[str, Value]:
    """The items, those that systemd holds with what it starts for them. Pure."""
    started: Dict[Port, Set[str]] = {}
    for unit in units:
        for port in unit.ports:
            started.setdefault(port, set()).add(unit.service)
    return {key: _marked(key, value, started) for key, value in items.items()}


def _marked(key: str, value: Value, started: Mapping[Port, Set[str]]) -> Value:
    if not is_held(key, value):
        return value
    place = parse(key)
    return {**value, "activates": sorted(started.get((place.protocol, place.port), ()))}


def is_held(key: str, value: Value) -> bool:
    """Whether systemd itself, not that of a container, is among the owners of an item."""
    held_by = rating.holders(value)
    return bool(held_by) and not parse(key).space and any(owner["unit"] == MANAGER for owner in held_by)


def _names(folder: str) -> List[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _read(path: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as handle:
            return handle.read(65536)
    except OSError:
        return b""
