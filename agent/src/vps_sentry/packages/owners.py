# SPDX-License-Identifier: GPL-3.0-or-later
"""Which package a path belongs to, by the package manager's own lists; never asked on the quiet path."""

from __future__ import annotations

import os
from collections import defaultdict
from typing import Dict, Iterable, List, Tuple

from ..core.canonical import escape, unescape
from ..errors import CollectError
from ..host import Host
from . import dpkg, rpm
from .places import Places

_Claim = Tuple[str, str, bool]
"""A wanted path, a package, and whether only that package counts (else all but it)."""


def owner_of(host: Host, paths: Iterable[str]) -> Dict[str, str]:
    """Path -> name of the package that brought it; a path that is missing belongs to no package.

    Paths are written as the items of ``files`` write them. Names of a merged /usr and diversions are seen through.
    Raises CollectError when neither dpkg's nor rpm's database can be read: then nothing is known, which is not
    the same as nobody's.
    """
    wanted = {path: unescape(path) for path in paths}
    if not wanted:
        return {}
    if dpkg.present(host):
        return _by_dpkg(host, wanted)
    if rpm.present(host):
        return _by_rpm(host, wanted)
    raise CollectError("no package database of dpkg or rpm: whose a file is is not known here")


def _by_dpkg(host: Host, wanted: Dict[str, bytes]) -> Dict[str, str]:
    database = dpkg.Dpkg(host)
    diverted = database.diverted()
    claims: Dict[bytes, List[_Claim]] = defaultdict(list)
    for path, raw in wanted.items():
        for names, package, only in diverted.listed(raw):
            for name in names:
                claims[name].append((path, package, only))
    found: Dict[str, str] = {}
    folder = os.fsencode(dpkg.INFO)
    for entry in sorted(name for name in database.names() if name.endswith(b".list")):
        package = escape(entry[: -len(b".list")].partition(b":")[0])
        listed = host.read(os.fsdecode(folder + b"/" + entry)).split(b"\n")
        for name in claims.keys() & set(listed):
            for path, other, only in claims[name]:
                if not other or (package == other) == only:
                    found.setdefault(path, package)
    return found


def _by_rpm(host: Host, wanted: Dict[str, bytes]) -> Dict[str, str]:
    places = Places(host)
    names: Dict[bytes, List[str]] = defaultdict(list)
    for path, raw in wanted.items():
        for name in places.names(raw):
            names[name].append(path)
    found: Dict[str, str] = {}
    for header in rpm.headers(host):
        for file in header.files():
            for path in names.get(file.path, ()):
                found.setdefault(path, header.name)
    return found
