# SPDX-License-Identifier: GPL-3.0-or-later
"""One face for both package managers: what is installed, what each package brought, and how it should look."""

from __future__ import annotations

import hashlib
import os
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Protocol, Set, Tuple

from ..core.canonical import escape
from ..core.model import Value
from ..errors import CollectError
from ..host import Host
from ..tick.tree import signature
from . import dpkg, rpm, status
from .contents import Expected
from .places import LOCAL, Diverted, Places

_LISTS = ("list", "md5sums")
_SCRIPTS = ("preinst", "postinst", "prerm", "postrm", "config", "triggers")
_RACY_NANOSECONDS = 2_000_000_000
_ABSENT = "absent"
# Other checks judge what lies there, by what was accepted; or it is nobody's business what a list claims about it.
_ELSEWHERE = (b"/etc/", b"/home/", b"/root/", b"/proc/", b"/sys/", b"/dev/", b"/run/", b"/tmp/", b"/var/tmp/")

Info = Dict[bytes, Tuple[bytes, str]]
"""Name of a file below ``info`` -> its mark and digest."""


class Entry(NamedTuple):
    """An installed package."""

    key: str
    version: str
    value: Value
    """Its item."""
    lists: str
    """Digest of what says which files it brought and how they look."""
    name: str
    size: int
    """Bytes of its files, as it claims."""
    essence: bytes = b""
    depends: bytes = b""


class Source(Protocol):
    """What dpkg and rpm both answer. Everything raises CollectError for what cannot be read."""

    def entries(self) -> List[Entry]:
        """Every package."""

    def contents(self, key: str) -> Iterator[Tuple[bytes, Expected]]:
        """Place and digest of each file a package brought, configuration left out."""

    def conffiles(self, key: str) -> Iterator[Tuple[bytes, Expected]]:
        """Place and digest of each configuration file as the package brought it."""

    def brought(self, key: str) -> Set[bytes]:
        """The places of all it brought: files, links, directories."""

    def extras(self) -> Dict[str, Value]:
        """Items besides the packages: diversions, overrides."""


class DpkgSource:
    """dpkg. ``info``: what is known of its lists and scripts; ``now``: seconds since the epoch."""

    def __init__(self, host: Host, info: Info, *, now: int) -> None:
        self.database = dpkg.Dpkg(host)
        self.info: Info = {}
        self._known, self._now = info, now
        self._packages: Dict[str, status.Package] = {}
        self._diverted: Optional[Diverted] = None
        self._folder = -1
        self._names = self.database.names()

    def entries(self) -> List[Entry]:
        """Every package, its lists and scripts as digests. Raises CollectError, for two of one name as well."""
        folder = self.database.folder()
        try:
            self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as exc:
            raise CollectError(f"cannot look below {dpkg.INFO}: {exc.strerror}; run as root") from exc
        try:
            found = [self._entry(package) for package in self.database.packages()]
        finally:
            os.close(self._folder)
        if len(self._packages) != len(found):
            raise CollectError(f"{dpkg.STATUS} names a package twice; dpkg --audit may say which")
        return found

    def _entry(self, package: status.Package) -> Entry:
        self._packages[package.key] = package
        configuration = [f"{escape(path)} {digest}" for path, digest in package.conffiles]
        lists = _digest([*(self._file(package, kind) for kind in _LISTS), *configuration])
        scripts = [self._file(package, kind) for kind in _SCRIPTS]
        value: Value = {"version": package.version, "lists": lists}
        if package.state != "installed":
            value["state"] = package.state
        if package.held:
            value["held"] = True
        if any(scripts):
            value["scripts"] = _digest(scripts)
        return Entry(
            key=package.key,
            version=package.version,
            value=value,
            lists=lists,
            name=package.name,
            size=package.size,
            essence=package.essence,
            depends=package.depends,
        )

    def _file(self, package: status.Package, kind: str) -> str:
        """Digest, mode and owner of a file below ``info``; empty when there is none."""
        name = package.stem + b"." + kind.encode()
        if name not in self._names:
            return ""
        try:
            found = os.stat(name, dir_fd=self._folder, follow_symlinks=False)
        except OSError as exc:
            return f"unreadable: {exc.strerror}"
        mark = hashlib.blake2b(repr(signature(found)).encode(), digest_size=8).digest()
        known = self._known.get(name)
        if known is None or known[0] != mark:
            try:
                content = hashlib.blake2b(self.database.info(package, kind), digest_size=16).hexdigest()
            except CollectError as exc:
                return str(exc)
            known = mark, f"{content} {found.st_mode:o} {found.st_uid} {found.st_gid}"
        if found.st_ctime_ns + _RACY_NANOSECONDS <= self._now * 1_000_000_000:
            self.info[name] = known
        return known[1]

    def contents(self, key: str) -> Iterator[Tuple[bytes, Expected]]:
        """By ``.md5sums``; a package without one, and one whose files are gone, has none."""
        package = self._packages[key]
        if not package.present or package.stem + b".md5sums" not in self._names:
            return
        for path, digest in self.database.digests(package):
            place = self.diverted.place(path, package.name)
            if not place.startswith(_ELSEWHERE) and b"\n" not in place:
                yield place, Expected("md5", digest)

    def conffiles(self, key: str) -> Iterator[Tuple[bytes, Expected]]:
        """By the field Conffiles of the package's paragraph."""
        package = self._packages[key]
        for path, digest in package.conffiles:
            yield self.diverted.place(path, package.name), Expected("md5", digest)

    def brought(self, key: str) -> Set[bytes]:
        """By ``.list``."""
        package = self._packages[key]
        if package.stem + b".list" not in self._names:
            return set()
        return {self.diverted.place(path, package.name) for path in self.database.files(package)}

    def extras(self) -> Dict[str, Value]:
        """``diversion PATH`` and ``statoverride PATH``."""
        found: Dict[str, Value] = {}
        for entry in self.database.diversions():
            by = "administrator" if entry.by == LOCAL else entry.by
            found[f"diversion {escape(entry.path)}"] = {"to": escape(entry.to), "by": by}
        for path, override in self.database.overrides().items():
            found[f"statoverride {path}"] = {**override}
        return found

    @property
    def diverted(self) -> Diverted:
        """The diversions, read once."""
        if self._diverted is None:
            self._diverted = self.database.diverted()
        return self._diverted


class RpmSource:
    """rpm, by its SQLite database."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._places = Places(host)
        self._numbers: Dict[str, List[int]] = {}

    def entries(self) -> List[Entry]:
        """Every package; of one installed in several versions (kernels) all of them."""
        found: Dict[str, List[Tuple[str, str]]] = {}
        for number, header in rpm.numbered(self._host):
            # Not ``:``, by which dpkg's keys are known.
            key = f"{header.name}.{header.arch}"
            self._numbers.setdefault(key, []).append(number)
            lists = hashlib.blake2b(header.blob, digest_size=16).hexdigest()
            found.setdefault(key, []).append((header.version, lists))
        return [_rpm_entry(key, versions) for key, versions in found.items()]

    def contents(self, key: str) -> Iterator[Tuple[bytes, Expected]]:
        """Files with content that are no configuration."""
        return self._files(key, config=False)

    def conffiles(self, key: str) -> Iterator[Tuple[bytes, Expected]]:
        """Files marked %config."""
        return self._files(key, config=True)

    def _files(self, key: str, *, config: bool) -> Iterator[Tuple[bytes, Expected]]:
        for header in self.headers(key):
            algorithm = header.algorithm
            for file in header.files():
                place = self._places.real(file.path)
                if not file.digest or file.ghost or file.config != config or b"\n" in place:
                    continue
                if config or not place.startswith(_ELSEWHERE):
                    yield place, Expected(algorithm, file.digest)

    def brought(self, key: str) -> Set[bytes]:
        """Everything listed."""
        return {self._places.real(file.path) for header in self.headers(key) for file in header.files()}

    def headers(self, key: str) -> Iterable[rpm.Header]:
        """The headers of one package, read anew."""
        wanted = set(self._numbers[key])
        return (header for number, header in rpm.numbered(self._host, wanted) if number in wanted)

    def extras(self) -> Dict[str, Value]:
        """rpm has no diversions."""
        return {}


def _rpm_entry(key: str, versions: List[Tuple[str, str]]) -> Entry:
    version = ", ".join(sorted(version for version, _ in versions))
    lists = _digest([lists for _, lists in sorted(versions)])
    return Entry(key, version, {"version": version, "lists": lists}, lists, key.rpartition(".")[0], 0)


def _digest(parts: List[Any]) -> str:
    return hashlib.blake2b("\n".join(part or _ABSENT for part in parts).encode(), digest_size=16).hexdigest()
