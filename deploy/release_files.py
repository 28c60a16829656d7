#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release is: its files, its MANIFEST, its bytecode. Run alone: list how the active one differs; then exit 1.

A release is ``bin/ lib/ vendor/ deploy/ MANIFEST``; its ID is ``VERSION-`` and the first 12 hex of MANIFEST's SHA-256.
``PREFIX/venv`` is the one switch: a symbolic link to ``releases/ID``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import marshal
import os
import re
import stat
import sys
import tarfile
import zlib
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

PREFIX = Path("/opt/vps-sentry")
HOST_PYTHON = "/usr/bin/python3"
SIZE_LIMIT = 64 * 1024 * 1024
COUNT_LIMIT = 5000
_NAME = re.compile(r"(?!\.{1,2}(/|$))[A-Za-z0-9_.+-]+(/(?!\.{1,2}(/|$))[A-Za-z0-9_.+-]+)*")
_VERSION = re.compile(rb'^__version__ = "([0-9A-Za-z.+]{1,32})"$', re.MULTILINE)
_LINK = re.compile(r"releases/[0-9A-Za-z.+]+-[0-9a-f]{12}")


class ReleaseError(Exception):
    """A release cannot be built, trusted or installed; the message says why and what to do."""


class Entry(NamedTuple):
    """One file of a release: permission bits and content."""

    mode: int
    data: bytes


Files = Dict[str, Entry]


class Release(NamedTuple):
    """A release: its ID, its MANIFEST and the files named there."""

    name: str
    manifest: bytes
    files: Files


def release_of(files: Files) -> Release:
    """Name a set of files. MANIFEST: a line ``sha256  mode  path`` a file, sorted by path. Raises ReleaseError."""
    for name, entry in files.items():
        if not _NAME.fullmatch(name) or entry.mode not in (0o644, 0o755):
            raise ReleaseError(f"{name!r} with mode {entry.mode:04o} is not what a release may hold")
    version = _VERSION.search(files.get("lib/vps_sentry/__init__.py", Entry(0, b"")).data)
    if version is None or "bin/vps-sentry" not in files:
        raise ReleaseError("this holds no runtime: bin/vps-sentry or the version in lib/vps_sentry is missing")
    rows = ((hashlib.sha256(entry.data).hexdigest(), entry.mode, name) for name, entry in sorted(files.items()))
    manifest = "".join(f"{digest}  {mode:04o}  {name}\n" for digest, mode, name in rows).encode("ascii")
    return Release(f"{version[1].decode('ascii')}-{hashlib.sha256(manifest).hexdigest()[:12]}", manifest, files)


def read_archive(archive: Path) -> Release:
    """A release out of its archive, every file checked against MANIFEST. Raises ReleaseError, writes nothing."""
    try:
        with tarfile.open(archive, "r:gz") as opened:
            files = _members(opened)
    except (OSError, EOFError, tarfile.TarError, zlib.error) as exc:
        raise ReleaseError(f"{archive} cannot be read: {exc}; build it again") from exc
    recorded = files.pop("MANIFEST", Entry(0, b"")).data
    release = release_of(files)
    different = set(recorded.splitlines()) ^ set(release.manifest.splitlines())
    names = sorted({line.decode("ascii", "backslashreplace").split("  ")[-1] for line in different})
    if recorded != release.manifest:
        raise ReleaseError(f"{archive} does not agree with its MANIFEST ({', '.join(names)}); build it again")
    return release


def _members(archive: tarfile.TarFile) -> Files:
    files: Files = {}
    total = 0
    for member in archive:
        if member.isdir() and _NAME.fullmatch(member.name):
            continue
        # Sparse files and contiguous ones count as regular for tarfile; nobody builds a release of those.
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            raise ReleaseError(f"{member.name!r} in the archive is not a regular file")
        if not _NAME.fullmatch(member.name) or member.name in files:
            raise ReleaseError(f"{member.name!r} in the archive is not a relative name used once")
        total += member.size
        if total > SIZE_LIMIT or len(files) >= COUNT_LIMIT:
            raise ReleaseError(f"the archive holds more than {COUNT_LIMIT} files or {SIZE_LIMIT} bytes")
        handle = archive.extractfile(member)
        files[member.name] = Entry(member.mode, handle.read() if handle is not None else b"")
    return files


def bytecode(source: bytes, place: str) -> Entry:
    # PEP 552, hash-based and unchecked: the tick never re-reads sources, and bytecode is a function of its source
    # alone, so verify can judge it. A source edited by hand is caught by MANIFEST, not picked up in silence.
    return Entry(0o644, _bytecode_header(source) + marshal.dumps(compile(source, place, "exec", dont_inherit=True)))


def _bytecode_header(source: bytes) -> bytes:
    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(source)


def _is_bytecode_of(entry: Entry, source: bytes) -> bool:
    # Code is compared, not bytes: marshal's output depends on what else the interpreter holds. Loading hostile
    # bytecode gives its author nothing: who can write here already runs code as root at the next tick.
    try:
        same = marshal.loads(entry.data[16:]) == compile(source, "", "exec", dont_inherit=True)  # noqa: S302
    except (EOFError, SyntaxError, TypeError, ValueError):
        return False
    return bool(same) and entry.mode == 0o644 and entry.data[:16] == _bytecode_header(source)


def problems(place: Path) -> List[str]:
    """How the release in ``place`` differs from its MANIFEST: sorted lines ``missing|extra|different PATH``.

    Bytecode of the running Python must be there and be what its source compiles to.
    """
    found = _walk(place)
    manifest = found.get("MANIFEST") or Entry(0, b"")
    if hashlib.sha256(manifest.data).hexdigest()[:12] != place.name.rpartition("-")[2]:
        return ["different MANIFEST" if "MANIFEST" in found else "missing MANIFEST"]
    rows = (line.split("  ") for line in manifest.data.decode("ascii").splitlines())
    recorded = {name: (digest, int(mode, 8)) for digest, mode, name in rows}
    recorded["MANIFEST"] = (hashlib.sha256(manifest.data).hexdigest(), 0o644)
    sources = {importlib.util.cache_from_source(name): name for name in recorded if name.endswith(".py")}
    expected, there = {*recorded, *sources}, set(found)
    result = [f"missing {name}" for name in expected - there] + [f"extra {name}" for name in there - expected]
    wrong = {name for name in there & set(recorded) if _facts(found[name]) != recorded[name]}
    for name in there & set(sources):
        entry, source = found[name], found.get(sources[name])
        # Bytecode of a source that is itself wrong says nothing more.
        if sources[name] not in wrong and source and not (entry and _is_bytecode_of(entry, source.data)):
            wrong.add(name)
    return sorted(result + [f"different {name}" for name in wrong])


def _facts(entry: Optional[Entry]) -> Optional[Tuple[str, int]]:
    return (hashlib.sha256(entry.data).hexdigest(), entry.mode) if entry else None


def _walk(place: Path) -> Dict[str, Optional[Entry]]:
    # None stands for what can never be right: links, devices, somebody else's files, directories open to others.
    found: Dict[str, Optional[Entry]] = {}
    for folder, folders, names in os.walk(place):
        for path in (Path(folder, name) for name in folders + names):
            facts = path.lstat()
            mode, own = stat.S_IMODE(facts.st_mode), facts.st_uid == os.geteuid()
            if stat.S_ISDIR(facts.st_mode) and own and mode == 0o755:
                continue
            regular = stat.S_ISREG(facts.st_mode) and own
            found[path.relative_to(place).as_posix()] = Entry(mode, path.read_bytes()) if regular else None
    return found


def active_release(prefix: Path) -> Optional[Path]:
    """The directory the switch points to, or None before the first installation. Raises ReleaseError."""
    return linked(prefix, "venv")


def linked(prefix: Path, name: str) -> Optional[Path]:
    """The release that the link ``name`` leads to, None without one. Raises ReleaseError when it is something else."""
    link = prefix / name
    if link.exists() and not link.is_symlink():
        raise ReleaseError(f"{link} is not a switch between releases but something else; move it away first")
    match = _LINK.fullmatch(os.readlink(link)) if link.is_symlink() else None
    return prefix / match[0] if match else None


def require_active(prefix: Path) -> Path:
    """The active release. Raises ReleaseError when there is none."""
    place = active_release(prefix)
    if place is None or not place.is_dir():
        raise ReleaseError(f"no release is active under {prefix}; install one")
    return place


def run_by_the_host() -> None:
    """Go on under the host's own Python: bytecode is valid for one only, and that one runs the agent."""
    if os.path.realpath(sys.executable) != os.path.realpath(HOST_PYTHON):
        os.execv(HOST_PYTHON, [HOST_PYTHON, "-I", "-B", *sys.argv])  # noqa: S606


def main() -> int:
    """Judge the active release."""
    run_by_the_host()
    try:
        lines = problems(require_active(PREFIX))
    except (ReleaseError, OSError) as exc:
        lines = [str(exc)]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
