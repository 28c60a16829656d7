# SPDX-License-Identifier: GPL-3.0-or-later
"""apt's lists: which versions a signed archive has. A chain: InRelease, its signature, the Packages files it names.

Each link is checked: the signature by an accepted key, each list by the SHA-256 that the signed text gives it.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import zlib
from typing import Any, Callable, Collection, Dict, Iterable, Iterator, List, NamedTuple, Set, Tuple

from ..core.canonical import escape
from ..errors import CollectError
from ..host import Host, open_regular
from ..tick.stat import take
from . import signatures
from .status import essence, fields

LISTS = "/var/lib/apt/lists"
KEYRINGS = ("/etc/apt/trusted.gpg.d", "/etc/apt/keyrings", "/usr/share/keyrings")
SINGLE = "/etc/apt/trusted.gpg"
_KEYRING = (".gpg", ".asc", ".pgp")
_RELEASE_LIMIT = 4 * 1024 * 1024
_CHUNK = 1024 * 1024
_PARAGRAPH = 256 * 1024
_HELPER = "/usr/lib/apt/apt-helper"

Known = Dict[str, Dict[str, bytes]]
"""``NAME:ARCHITECTURE`` -> version -> essence."""


class Word(NamedTuple):
    """What the lists have to say."""

    known: Known
    problems: Tuple[str, ...]
    """What could not be verified or read, and why."""


def mark(host: Host) -> bytes:
    """Bytes that differ whenever a list may have moved."""
    folder = _folder(host, LISTS)
    paths = [os.path.join(folder, name) for name in _names(folder)]
    return hashlib.blake2b(take(*[os.fsdecode(path) for path in paths]), digest_size=16).digest()


def keyrings(host: Host, folders: Iterable[str] = KEYRINGS) -> Dict[str, str]:
    """Every keyring that may be used: path, as people write it, and SHA-256 of its content or why there is none."""
    paths = [f"{place}/{name}" for place in folders for name in map(os.fsdecode, _names(_folder(host, place)))]
    found = {}
    for path in sorted(path for path in (SINGLE, *paths) if path.endswith(_KEYRING) or "rpm-gpg/" in path):
        try:
            found[escape(os.fsencode(path))] = hashlib.sha256(host.read(path, limit=_RELEASE_LIMIT)).hexdigest()
        except CollectError as exc:
            if path != SINGLE:
                found[escape(os.fsencode(path))] = f"unreadable: {exc}"
    return found


def read(host: Host, wanted: Collection[str], *, accepted: Iterable[str]) -> Word:
    """What signed lists have of the packages named in ``wanted``, believing the keyrings at the paths ``accepted``."""
    keys, problems = keys_of(host, accepted)
    names = set(_names(_folder(host, LISTS)))
    known: Known = {}
    releases = sorted(name for name in names if name.endswith((b"_InRelease", b"_Release")))
    if not releases:
        problems.append(f"no lists of an archive lie in {LISTS}; fetch them: apt-get update")
    for name in releases:
        try:
            text = _verified(host, name, names, keys=keys)
            for entry in _lists(text, name, names):
                _read_list(host, entry, wanted={word.encode() for word in wanted}, known=known)
        except (ValueError, CollectError, OSError) as exc:
            problems.append(f"{escape(name)}: {exc}")
    return Word(known, tuple(problems))


def keys_of(host: Host, accepted: Iterable[str]) -> Tuple[List[bytes], List[str]]:
    """The content of keyrings, without armour, and what is wrong with those that cannot be used."""
    keys, problems = [], []
    for path in accepted:
        try:
            keys.append(signatures.bare(host.read(path, limit=_RELEASE_LIMIT)))
        except (ValueError, CollectError) as exc:
            problems.append(f"{path}: {exc}")
    return keys, problems


def _verified(host: Host, name: bytes, names: Set[bytes], *, keys: List[bytes]) -> bytes:
    """The signed text of a release. Raises ValueError saying why it is not believed."""
    text = host.read(f"{LISTS}/{os.fsdecode(name)}", limit=_RELEASE_LIMIT)
    if name.endswith(b"_InRelease"):
        message, signature = signatures.parted(text)
    elif name + b".gpg" in names:
        message, signature = text, host.read(f"{LISTS}/{os.fsdecode(name)}.gpg", limit=_RELEASE_LIMIT)
    else:
        raise ValueError("it is not signed")
    problem = signatures.problem(host, message, signature=signature, keyrings=keys)
    if problem:
        raise ValueError(problem)
    return message


class _List(NamedTuple):
    """A Packages file on the disk, and the SHA-256 of what it holds when it is unpacked."""

    name: bytes
    sha256: str


def _lists(text: bytes, release: bytes, names: Set[bytes]) -> Iterator[_List]:
    """The lists of a release that lie here. ``NAME_Packages``, or packed with a suffix."""
    prefix = release[: release.rindex(b"_") + 1]
    for line in fields(text).get(b"SHA256", b"").split(b"\n"):
        words = line.split()
        if len(words) == 3 and words[2].rpartition(b"/")[2] == b"Packages":
            plain = prefix + words[2].replace(b"_", b"%5f").replace(b"/", b"_")
            found = [plain + suffix for suffix in (b"", *_PACKED) if plain + suffix in names]
            if found:
                yield _List(found[0], words[0].decode("ascii", "replace"))


def _read_list(host: Host, entry: _List, *, wanted: Set[bytes], known: Known) -> None:
    """Add to ``known`` what a list has of ``wanted``, once its digest is right. Raises ValueError if it is not."""
    digest = hashlib.sha256()
    found: List[Tuple[str, str, bytes]] = []
    rest = b""
    for chunk in _unpacked(host, entry.name):
        digest.update(chunk)
        paragraphs = (rest + chunk).split(b"\n\n")
        rest = paragraphs.pop()
        if len(rest) > _PARAGRAPH:
            raise ValueError(f"{escape(entry.name)} holds a paragraph of over {_PARAGRAPH} bytes")
        found += _pick(paragraphs, wanted)
    found += _pick([rest], wanted)
    if digest.hexdigest() != entry.sha256:
        raise ValueError(f"{escape(entry.name)} is not the list its release names")
    for key, version, said in found:
        known.setdefault(key, {})[version] = said


def _pick(paragraphs: Iterable[bytes], wanted: Set[bytes]) -> Iterator[Tuple[str, str, bytes]]:
    for paragraph in paragraphs:
        # The first field of nearly all of them; another order only costs time.
        head = paragraph.partition(b"\n")[0]
        if head.startswith(b"Package: ") and head[9:] not in wanted:
            continue
        said = fields(paragraph)
        if said.get(b"Package", b"") in wanted:
            key = f"{escape(said[b'Package'])}:{escape(said.get(b'Architecture', b''))}"
            yield key, escape(said.get(b"Version", b"")), essence(said)


def _unpacked(host: Host, name: bytes) -> Iterator[bytes]:
    """The content of a list in pieces. Raises OSError, ValueError."""
    place = host.locate(os.fsencode(LISTS) + b"/" + name)
    packed = next((suffix for suffix in _PACKED if name.endswith(suffix)), b"")
    handle = open_regular(place)
    with open(handle, "rb") as file:
        if not packed:
            yield from _pieces(file)
            return
        try:
            yield from _PACKED[packed](host, file)
        except (EOFError, zlib.error, lzma.LZMAError) as exc:
            raise ValueError(f"{escape(name)} cannot be unpacked: {exc}") from exc


def _pieces(file: Any) -> Iterator[bytes]:
    return iter(lambda: file.read(_CHUNK), b"")


def _by_gzip(host: Host, file: Any) -> Iterator[bytes]:
    return _pieces(gzip.GzipFile(fileobj=file))


def _by_lzma(host: Host, file: Any) -> Iterator[bytes]:
    return _pieces(lzma.LZMAFile(file))


def _by_bz2(host: Host, file: Any) -> Iterator[bytes]:
    return _pieces(bz2.BZ2File(file))


def _by_apt(host: Host, file: Any) -> Iterator[bytes]:
    """apt's own way for what the standard library cannot unpack; never for a mounted disk."""
    if not host.live:
        raise ValueError("a list packed by lz4 or zstd is not unpacked for a mounted disk")
    import subprocess

    # It finds out by the name how a file is packed; the digest says whether it was the file that was meant.
    name = os.readlink(f"/proc/self/fd/{file.fileno()}")
    try:
        child = subprocess.Popen(
            [_HELPER, "cat-file", name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        )
    except FileNotFoundError as exc:
        raise ValueError(f"{_HELPER} is not there to unpack {name}") from exc
    with child:
        yield from _pieces(child.stdout)


_PACKED: Dict[bytes, Callable[[Host, Any], Iterator[bytes]]] = {
    b".gz": _by_gzip,
    b".xz": _by_lzma,
    b".bz2": _by_bz2,
    b".lz4": _by_apt,
    b".zst": _by_apt,
}


def _folder(host: Host, path: str) -> bytes:
    try:
        return os.path.dirname(host.locate(os.fsencode(path) + b"/entry"))
    except OSError:
        return b""


def _names(folder: bytes) -> List[bytes]:
    try:
        return sorted(os.listdir(folder)) if folder else []
    except OSError:
        return []
