# SPDX-License-Identifier: GPL-3.0-or-later
"""dpkg's list of packages, /var/lib/dpkg/status: paragraphs of fields as in deb822(5). Pure.

Model: lib/dpkg/parse.c. What is no paragraph of a package is named, never passed over.
"""

from __future__ import annotations

import hashlib
import re
from typing import Dict, Iterator, NamedTuple, Tuple

from ..core.canonical import escape

_NAME = re.compile(rb"[a-zA-Z0-9][a-zA-Z0-9+.-]*\Z")
_MD5 = re.compile(rb"[0-9a-f]{32}\Z")
_FLAGS = (b"obsolete", b"remove-on-upgrade")
_NOT_INSTALLED = b"not-installed"
# Waiting for the trigger of another package: nothing of its own is missing.
_READY = (b"installed", b"triggers-pending", b"triggers-awaited")
# What a package says of itself both here and in an archive's list. Not Priority and Section, which archives override.
_ESSENCE = (
    *(b"Package", b"Version", b"Architecture", b"Maintainer", b"Installed-Size", b"Source", b"Essential"),
    *(b"Provides", b"Replaces", b"Pre-Depends", b"Depends", b"Breaks", b"Conflicts"),
)


class Package(NamedTuple):
    """One package as dpkg knows it."""

    name: str
    arch: str
    version: str
    state: str
    """``installed``; ``config-files`` when only its configuration is left; anything else is unfinished."""
    held: bool
    same: bool
    """Whether several architectures may be installed side by side (``Multi-Arch: same``)."""
    conffiles: Tuple[Tuple[bytes, str], ...]
    """Path and MD5 of each configuration file as the package brought it."""
    essence: bytes
    """Digest of what an archive's list says of the very same package."""
    depends: bytes
    """The fields Depends and Pre-Depends, as they stand."""
    size: int
    """Bytes of its files, as it claims; 0 where it does not say."""

    @property
    def key(self) -> str:
        """``NAME:ARCHITECTURE``."""
        return f"{self.name}:{self.arch}"

    @property
    def present(self) -> bool:
        """Whether its files, not only its configuration, are on the disk."""
        return self.state != "config-files"

    @property
    def stem(self) -> bytes:
        """The name before the dot of its files below ``info``."""
        return (self.key if self.same else self.name).encode()


def parse(data: bytes) -> Iterator[Package]:
    """The packages in ``data``, those that are not installed at all left out.

    Raises ValueError for a paragraph without a usable name, version or state: somebody else wrote it.
    """
    for number, paragraph in enumerate(data.split(b"\n\n"), 1):
        if not paragraph.strip(b"\n"):
            continue
        found = _package(fields(paragraph), number)
        if found is not None:
            yield found


def fields(paragraph: bytes) -> Dict[bytes, bytes]:
    """Field -> value of one paragraph; lines that go on are kept with the blank they begin with."""
    found: Dict[bytes, bytes] = {}
    name = b""
    for line in paragraph.split(b"\n"):
        if line[:1] in (b" ", b"\t"):
            if name:
                found[name] += b"\n" + line
        else:
            name, _, value = line.partition(b":")
            found[name] = value.strip()
    return found


def _package(found: Dict[bytes, bytes], number: int) -> Package | None:
    name, arch = found.get(b"Package", b""), found.get(b"Architecture", b"")
    state = found.get(b"Status", b"").split()
    if not _NAME.match(name) or len(state) != 3:
        raise ValueError(f"paragraph {number} is no package: name {escape(name[:80])!r}, {len(state)} words of state")
    if state[2] == _NOT_INSTALLED:
        return None
    if not _NAME.match(arch) or not found.get(b"Version"):
        raise ValueError(f"paragraph {number}: package {escape(name[:80])} has no architecture or no version")
    return Package(
        name=name.decode(),
        arch=arch.decode(),
        version=escape(found[b"Version"]),
        state="installed" if state[2] in _READY else escape(state[2]),
        held=state[0] == b"hold",
        same=found.get(b"Multi-Arch") == b"same",
        conffiles=tuple(_conffiles(found.get(b"Conffiles", b""))),
        essence=essence(found),
        size=_kibibytes(found.get(b"Installed-Size", b"")),
        depends=b", ".join(found[name] for name in (b"Pre-Depends", b"Depends") if name in found),
    )


def _kibibytes(text: bytes) -> int:
    return int(text) * 1024 if text.isdigit() and len(text) < 12 else 0


def essence(found: Dict[bytes, bytes]) -> bytes:
    """A digest over what ``found`` says of the package in archive and database alike."""
    said = (name + b"=" + b" ".join(found[name].split()) for name in _ESSENCE if name in found)
    return hashlib.blake2b(b"\n".join(said), digest_size=12).digest()


def _conffiles(text: bytes) -> Iterator[Tuple[bytes, str]]:
    for line in text.split(b"\n"):
        words = line.strip().split(b" ")
        while words and words[-1] in _FLAGS:
            words.pop()
        if len(words) >= 2 and words[0].startswith(b"/") and _MD5.match(words[-1]):
            yield b" ".join(words[:-1]), words[-1].decode()
