# SPDX-License-Identifier: GPL-3.0-or-later
"""rpm's database in SQLite form, and the headers in it, with the standard library alone.

A header is an index of 16-byte entries (tag, type, offset, count) and a store they point into; see the format
chapter of the RPM reference manual and lib/header.c. The older Berkeley DB and ndb forms are named, not read.
"""

from __future__ import annotations

import os
import stat
import struct
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple, Union

from ..core.canonical import escape
from ..errors import CollectError
from ..host import Host

FOLDERS = ("/var/lib/rpm", "/usr/lib/sysimage/rpm")
SQLITE = "rpmdb.sqlite"
_OTHERS = {"Packages": "Berkeley DB", "Packages.db": "ndb"}

_ENTRY = struct.Struct(">IIiI")
_ENTRIES = 65_535
_STORE = 256 * 1024 * 1024
_COUNT = 5_000_000
_INTEGERS = {1: "B", 2: "B", 3: "H", 4: "I", 5: "Q"}
_STRING, _BINARY, _STRINGS, _TRANSLATED = 6, 7, 8, 9

NAME, VERSION, RELEASE, EPOCH, ARCH = 1000, 1001, 1002, 1003, 1022
MODES, DIGESTS, LINKS, FLAGS, USERS, GROUPS, STATES = 1030, 1035, 1036, 1037, 1039, 1040, 1029
DIRECTORY_OF, BASENAMES, DIRECTORIES, ALGORITHM = 1116, 1117, 1118, 5011
SIGNATURES = (267, 268, 278)
"""DSAHEADER, RSAHEADER, OPENPGP: an OpenPGP signature over the header."""
IMMUTABLE = 63
_HASHES = {1: "md5", 2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512"}
_CONFIG, _GHOST = 1 << 0, 1 << 6
_NORMAL = 0


class OtherFormError(CollectError):
    """The database has a form that is not read here."""


class File(NamedTuple):
    """A file as its package brought it."""

    path: bytes
    digest: str
    """Empty for what has no content of its own: directories, links."""
    mode: int
    link: bytes
    user: str
    group: str
    config: bool
    ghost: bool
    """Owned but not brought (a log, say), or left out at the installation."""


class Header:
    """One package. Raises ValueError for bytes that are no header."""

    def __init__(self, blob: bytes) -> None:
        if len(blob) < 8:
            raise ValueError("a header is cut off")
        count, size = struct.unpack_from(">II", blob)
        if count > _ENTRIES or size > _STORE or 8 + 16 * count + size > len(blob):
            raise ValueError(f"a header claims {count} entries and {size} bytes")
        self.blob = blob
        self.store = memoryview(blob)[8 + 16 * count : 8 + 16 * count + size]
        entries = (_ENTRY.unpack_from(blob, 8 + 16 * number) for number in range(count))
        self._index = {tag: (kind, offset, amount) for tag, kind, offset, amount in entries}

    def get(self, tag: int, default: Any = None) -> Any:
        """Bytes of a string or binary entry, a tuple of anything else. Raises ValueError for a hostile one."""
        if tag not in self._index:
            return default
        kind, offset, amount = self._index[tag]
        if not 0 <= offset <= len(self.store) or amount > _COUNT:
            raise ValueError(f"tag {tag} points outside of its header")
        if kind in _INTEGERS:
            return self._integers(tag, f">{amount}{_INTEGERS[kind]}", offset)
        if kind == _BINARY:
            return bytes(self.store[offset : offset + amount])
        if kind in (_STRING, _STRINGS, _TRANSLATED):
            found = bytes(self.store[offset:]).split(b"\0", amount)
            if len(found) <= amount:
                raise ValueError(f"tag {tag} is cut off")
            return found[0] if kind == _STRING else tuple(found[:amount])
        raise ValueError(f"tag {tag} is of the unknown type {kind}")

    def _integers(self, tag: int, layout: str, offset: int) -> Tuple[int, ...]:
        try:
            return struct.unpack_from(layout, self.store, offset)
        except struct.error as exc:
            raise ValueError(f"tag {tag} is cut off") from exc

    @property
    def name(self) -> str:
        """Name of the package."""
        return escape(self.get(NAME, b""))

    @property
    def arch(self) -> str:
        """Architecture; a key of rpm's own keyring, which is a package to it, has none."""
        return escape(self.get(ARCH, b"(none)"))

    @property
    def version(self) -> str:
        """``EPOCH:VERSION-RELEASE``, without an epoch of 0."""
        version, release = (escape(self.get(tag, b"")) for tag in (VERSION, RELEASE))
        epoch = self.get(EPOCH, (0,))[0]
        return (f"{epoch}:" if epoch else "") + f"{version}-{release}"

    @property
    def algorithm(self) -> str:
        """The hash of its file digests, as ``hashlib`` calls it. Raises ValueError for an unknown one."""
        number = self.get(ALGORITHM, (1,))[0]
        if number not in _HASHES:
            raise ValueError(f"file digests of the unknown algorithm {number}")
        return _HASHES[number]

    def files(self) -> Iterator[File]:
        """All it brought. Raises ValueError when its columns do not fit together."""
        names: Tuple[bytes, ...] = self.get(BASENAMES, ())
        folders: Tuple[bytes, ...] = self.get(DIRECTORIES, ())
        columns = [self._column(tag, len(names)) for tag in (DIRECTORY_OF, DIGESTS, MODES, LINKS, USERS, GROUPS)]
        flags, states = (self._column(tag, len(names), missing=0) for tag in (FLAGS, STATES))
        for number, name in enumerate(names):
            folder, digest, mode, link, user, group = (column[number] for column in columns)
            if folder >= len(folders):
                raise ValueError("a file lies in a folder that is not listed")
            yield File(
                path=folders[folder] + name,
                digest=digest.decode("ascii", "replace"),
                mode=mode,
                link=link,
                user=escape(user),
                group=escape(group),
                config=bool(flags[number] & _CONFIG),
                ghost=bool(flags[number] & _GHOST) or states[number] != _NORMAL,
            )

    def _column(self, tag: int, length: int, *, missing: Union[int, None] = None) -> Tuple[Any, ...]:
        found: Tuple[Any, ...] = self.get(tag, () if missing is None else (missing,) * length)
        if len(found) != length:
            raise ValueError(f"tag {tag} has {len(found)} entries for {length} files")
        return found

    def signed(self) -> Iterator[Tuple[bytes, bytes]]:
        """The OpenPGP signatures of the header and the bytes each is over: its immutable region."""
        region = self._region()
        for tag in SIGNATURES:
            signature = self.get(tag)
            if isinstance(signature, tuple):
                # The newer OPENPGP tag holds several, in base64.
                continue
            if signature and region:
                yield signature, region

    def _region(self) -> bytes:
        """What was in the package file, without what rpm added on this host; empty where that is not marked."""
        if IMMUTABLE not in self._index:
            return b""
        _, offset, amount = self._index[IMMUTABLE]
        if amount != _ENTRY.size or not 0 <= offset <= len(self.store) - amount:
            raise ValueError("the immutable region is not where it should be")
        tag, kind, back, _ = _ENTRY.unpack_from(self.store, offset)
        count = -back // _ENTRY.size
        if tag != IMMUTABLE or kind != _BINARY or not 0 < count <= len(self._index) + 1:
            raise ValueError("the immutable region has no end")
        head = b"\x8e\xad\xe8\x01\0\0\0\0" + struct.pack(">II", count, offset + amount)
        return head + self.blob[8 : 8 + 16 * count] + bytes(self.store[: offset + amount])


def present(host: Host) -> bool:
    """Whether this host has a database of rpm, in whatever form."""
    return bool(_database(host)) or bool(_unreadable(host))


def headers(host: Host) -> Iterator[Header]:
    """Every installed package, one at a time. Raises CollectError saying why they cannot be read."""
    return (header for _, header in numbered(host))


def numbered(host: Host, wanted: Optional[Set[int]] = None) -> Iterator[Tuple[int, Header]]:
    """Every installed package, or those ``wanted``, with its number in the database. Raises CollectError."""
    place = _database(host)
    if not place:
        form = _unreadable(host)
        raise OtherFormError(
            f"rpm's database has the {form} form, which is not read here; convert it: rpmdb --rebuilddb"
        )
    query = "SELECT hnum, blob FROM Packages ORDER BY hnum"
    if wanted is not None:
        # Numbers, never text from the database.
        query = f"SELECT hnum, blob FROM Packages WHERE hnum IN ({','.join(map(str, sorted(wanted)))})"  # noqa: S608
    # Imported here: a host of dpkg needs none of it.
    import sqlite3

    try:
        # What is still in the write-ahead log is read too, where there is one.
        busy = os.path.exists(place + b"-wal") and os.stat(place + b"-wal").st_size
        how = "mode=ro" if busy else "mode=ro&immutable=1"
        link = sqlite3.connect(f"file:{_quoted(place)}?{how}", uri=True)
        try:
            for number, blob in link.execute(query):
                yield int(number), Header(blob)
        finally:
            link.close()
    except (sqlite3.Error, OSError, ValueError, TypeError) as exc:
        raise CollectError(f"rpm's database cannot be read: {exc}; try rpm --verifydb") from exc


def _database(host: Host) -> bytes:
    return next((place for folder in FOLDERS for place in [_place(host, f"{folder}/{SQLITE}")] if place), b"")


def _unreadable(host: Host) -> str:
    names: List[Tuple[str, str]] = [(f"{folder}/{name}", form) for folder in FOLDERS for name, form in _OTHERS.items()]
    return next((form for path, form in names if _place(host, path)), "")


def _place(host: Host, path: str) -> bytes:
    """Where a regular file lies, nothing when it is none."""
    try:
        place = host.locate(os.fsencode(path))
        return place if stat.S_ISREG(os.lstat(place).st_mode) else b""
    except OSError:
        return b""


def _quoted(place: bytes) -> str:
    """A path within a URI."""
    plain: Dict[int, str] = {ord(c): c for c in "/-_.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"}
    return "".join(plain.get(byte, f"%{byte:02X}") for byte in place)
