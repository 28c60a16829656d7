# SPDX-License-Identifier: GPL-3.0-or-later
"""The database of dpkg on the disk: packages, their lists of files and digests, diversions, overrides."""

from __future__ import annotations

import os
import re
from typing import Dict, FrozenSet, Iterator, List, Tuple

from ..core.canonical import escape
from ..errors import CollectError
from ..host import Host
from . import places, status

DATABASE = "/var/lib/dpkg"
STATUS = f"{DATABASE}/status"
INFO = f"{DATABASE}/info"
DIVERSIONS = f"{DATABASE}/diversions"
STATOVERRIDE = f"{DATABASE}/statoverride"
_DIGEST = re.compile(rb"([0-9a-f]{32})  (?:\./)?(.+)\Z")


class Dpkg:
    """One host's database, each part read when it is first asked for. Raises CollectError for what cannot be read."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.places = places.Places(host)

    def packages(self) -> Tuple[status.Package, ...]:
        """Every package dpkg knows, in the order of its file."""
        try:
            return tuple(status.parse(self.host.read(STATUS)))
        except ValueError as exc:
            raise CollectError(f"{STATUS}: {exc}; a backup lies in /var/backups/dpkg.status.0") from exc

    def diversions(self) -> Tuple[places.Diversion, ...]:
        """All diversions; a host without the file has none."""
        return places.diversions(self._optional(DIVERSIONS)) if self._has(DIVERSIONS) else ()

    def diverted(self) -> places.Diverted:
        """The diversions, to be applied. Raises CollectError when their file cannot be used."""
        try:
            return places.Diverted(self.diversions(), self.places)
        except ValueError as exc:
            raise CollectError(f"{DIVERSIONS}: {exc}; dpkg-divert --list says what dpkg makes of it") from exc

    def overrides(self) -> Dict[str, Dict[str, str]]:
        """``/var/lib/dpkg/statoverride``: path -> user, group and mode that dpkg gives it instead of the package's."""
        found = {}
        for line in self._optional(STATOVERRIDE).split(b"\n") if self._has(STATOVERRIDE) else ():
            words = line.split(b" ", 3)
            if len(words) == 4:
                names = ("user", "group", "mode")
                found[escape(words[3])] = {name: escape(word) for name, word in zip(names, words)}
        return found

    def names(self) -> FrozenSet[bytes]:
        """The names in the folder ``info``. Raises CollectError."""
        try:
            return frozenset(os.listdir(self.folder()))
        except OSError as exc:
            raise CollectError(f"cannot list {INFO}: {exc.strerror}; run as root") from exc

    def folder(self) -> bytes:
        """Where ``info`` lies. Raises CollectError for a circle of links."""
        try:
            return os.path.dirname(self.host.locate(os.fsencode(INFO) + b"/entry"))
        except OSError as exc:
            raise CollectError(f"cannot find {INFO}: {exc.strerror}") from exc

    def info(self, package: status.Package, kind: str) -> bytes:
        """Content of one file of a package below ``info``, such as ``list`` or ``postinst``. Raises CollectError."""
        return self.host.read(f"{INFO}/{package.stem.decode()}.{kind}")

    def files(self, package: status.Package) -> List[bytes]:
        """The paths a package brought, directories among them, as it calls them."""
        return [line for line in self.info(package, "list").split(b"\n") if line.startswith(b"/")]

    def digests(self, package: status.Package) -> Iterator[Tuple[bytes, str]]:
        """Path and MD5 of each file in a package's own list; configuration files are not in it."""
        for line in self.info(package, "md5sums").split(b"\n"):
            match = _DIGEST.match(line)
            if match and b".." not in match[2].split(b"/"):
                yield b"/" + match[2], match[1].decode()

    def _has(self, path: str) -> bool:
        try:
            return os.path.lexists(self.host.locate(os.fsencode(path)))
        except OSError:
            return True

    def _optional(self, path: str) -> bytes:
        return self.host.read(path)


def present(host: Host) -> bool:
    """Whether this host has a database of dpkg."""
    try:
        return os.path.exists(host.locate(os.fsencode(STATUS)))
    except OSError:
        return True
