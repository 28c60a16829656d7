#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds, installs and verifies releases of the runtime; all but ``build`` works on a host with this file alone.

A release is ``bin/ lib/ vendor/ MANIFEST``; its ID is ``VERSION-`` and the first 12 hex of MANIFEST's SHA-256.
``PREFIX/venv`` is the one switch: a symbolic link to ``releases/ID``.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import marshal
import os
import re
import shutil
import stat
import sys
import tarfile
import zlib
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

HOST_PYTHON = "/usr/bin/python3"
SIZE_LIMIT = 64 * 1024 * 1024
COUNT_LIMIT = 5000
_NAME = re.compile(r"(?!\.{1,2}(/|$))[A-Za-z0-9_.+-]+(/(?!\.{1,2}(/|$))[A-Za-z0-9_.+-]+)*")
_VERSION = re.compile(rb'^__version__ = "([0-9A-Za-z.+]{1,32})"$', re.MULTILINE)
_SWITCH = re.compile(r"releases/[0-9A-Za-z.+]+-[0-9a-f]{12}")


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


def _bytecode(source: bytes, place: str) -> Entry:
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


def install(release: Release, prefix: Path) -> bool:
    """Make ``release`` the active one and keep exactly the one before it; returns whether anything changed."""
    os.umask(0o022)
    releases = prefix / "releases"
    for folder in (prefix, releases):
        folder.mkdir(mode=0o755, exist_ok=True)
        facts = folder.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
            raise ReleaseError(f"{folder} must be a directory of the installing user that others cannot write to")
    lock = os.open(releases, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        active, place = active_release(prefix), releases / release.name
        intact = place.is_dir() and not place.is_symlink() and not problems(place)
        if intact and active == place:
            return False
        if not intact:
            _unpack(release, place)
        switch = prefix / "venv.tmp"
        _remove(switch)
        switch.symlink_to(f"releases/{release.name}")
        switch.replace(prefix / "venv")
        os.sync()
        for path in releases.iterdir() if active != place else ():
            if path not in (place, active):
                _remove(path)
    finally:
        os.close(lock)
    return True


def active_release(prefix: Path) -> Optional[Path]:
    """The directory the switch points to, or None before the first installation. Raises ReleaseError."""
    switch = prefix / "venv"
    if switch.exists() and not switch.is_symlink():
        raise ReleaseError(f"{switch} is not a switch between releases but something else; move it away first")
    match = _SWITCH.fullmatch(os.readlink(switch)) if switch.is_symlink() else None
    return prefix / match[0] if match else None


def _unpack(release: Release, place: Path) -> None:
    fresh, broken = place.with_name(place.name + ".tmp"), place.with_name(place.name + ".broken")
    for path in (fresh, broken):
        _remove(path)
    fresh.mkdir(mode=0o755)
    sources = {name: entry.data for name, entry in release.files.items() if name.endswith(".py")}
    compiled = {importlib.util.cache_from_source(name): _bytecode(sources[name], f"{place}/{name}") for name in sources}
    for name, entry in {**release.files, **compiled, "MANIFEST": Entry(0o644, release.manifest)}.items():
        (fresh / name).parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        (fresh / name).write_bytes(entry.data)
        (fresh / name).chmod(entry.mode)
    os.sync()
    # A damaged release steps aside as a whole. A tick between the two renames finds no runtime and the next one
    # does; mending file by file would have to trust the directories it writes into.
    if os.path.lexists(place):
        place.rename(broken)
    fresh.rename(place)
    _remove(broken)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _build(output: Path) -> str:
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    import release_build

    try:
        files = release_build.gather(Path(__file__).resolve().parents[1])
    except ValueError as exc:
        raise ReleaseError(str(exc)) from exc
    release = release_of({name: Entry(mode, data) for name, (mode, data) in files.items()})
    output.mkdir(parents=True, exist_ok=True)
    archive = output / f"vps-sentry-{release.name}.tar.gz"
    archive.write_bytes(release_build.pack({**release.files, "MANIFEST": Entry(0o644, release.manifest)}))
    return f"{release.name} {archive}"


def _active(prefix: Path) -> Path:
    place = active_release(prefix)
    if place is None or not place.is_dir():
        raise ReleaseError(f"no release is active under {prefix}; run scripts/install.sh")
    return place


def _run(arguments: argparse.Namespace) -> List[str]:
    if arguments.command == "build":
        return [_build(arguments.output)]
    if arguments.command == "install":
        release = read_archive(arguments.archive)
        return [f"{'changed' if install(release, arguments.prefix) else 'unchanged'} {release.name}"]
    if arguments.command == "verify":
        return problems(_active(arguments.prefix))
    if arguments.archive:
        return [hashlib.sha256(read_archive(arguments.archive).manifest).hexdigest()]
    return [hashlib.sha256((_active(arguments.prefix) / "MANIFEST").read_bytes()).hexdigest()]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="make vps-sentry-ID.tar.gz out of this checkout; prints ID and path")
    build.add_argument("--output", type=Path, required=True, metavar="DIR")
    put = commands.add_parser("install", help="make an archive the active release; prints changed or unchanged, and ID")
    put.add_argument("archive", type=Path, metavar="ARCHIVE")
    verify = commands.add_parser("verify", help="list how the active release differs from its MANIFEST; then exit 1")
    digest = commands.add_parser("digest", help="print the SHA-256 of the MANIFEST of ARCHIVE or the active release")
    digest.add_argument("archive", type=Path, nargs="?", metavar="ARCHIVE")
    for command in (put, verify, digest):
        command.add_argument("--prefix", type=Path, default=Path("/opt/vps-sentry"), metavar="DIR")
    return parser.parse_args()


def main() -> int:
    """Run one command; 0 done, 1 a difference or an error, 2 usage."""
    arguments = _arguments()
    # Bytecode is valid for one Python only, and the one that runs the agent is the host's own.
    other = os.path.realpath(sys.executable) != os.path.realpath(HOST_PYTHON)
    if other and arguments.command in ("install", "verify"):
        os.execv(HOST_PYTHON, [HOST_PYTHON, "-I", __file__, *sys.argv[1:]])  # noqa: S606
    try:
        lines = _run(arguments)
    except (ReleaseError, OSError, SyntaxError) as exc:
        sys.stderr.write(f"release.py: {exc}\n")
        return 1
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 1 if arguments.command == "verify" and lines else 0


if __name__ == "__main__":
    sys.exit(main())
