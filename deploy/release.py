#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds, installs and verifies releases of the runtime, and goes back to the one before.

All but ``build`` works on a host with ``release_files.py`` and ``release_places.py`` beside it. Nothing is switched to
that cannot use the configuration and the state of this host: the release that was active stays so.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional, Tuple

# Isolated, Python does not look beside the script by itself.
sys.path.insert(0, str(Path(__file__).resolve().parent))
import release_places
from release_files import (
    HOST_PYTHON,
    PREFIX,
    Entry,
    Release,
    ReleaseError,
    active_release,
    bytecode,
    linked,
    problems,
    read_archive,
    require_active,
    run_by_the_host,
)

PREVIOUS = "previous"
"""Beside the switch: the release before the active one, or the active one itself once somebody went back to it."""
_FORMAT = re.compile(r"^FORMAT = ([0-9]+)$", re.MULTILINE)
_CHECK_SECONDS = 60


class Host(NamedTuple):
    """What a release must get along with: a configuration file, a state directory; None where nobody asked."""

    config: Optional[Path] = None
    state: Optional[Path] = None


def install(release: Release, prefix: Path, *, host: Host) -> bool:
    """Make ``release`` the active one and keep exactly the one before it; returns whether anything changed."""
    os.umask(0o022)
    with _locked(prefix) as releases:
        active, place = active_release(prefix), releases / release.name
        intact = place.is_dir() and not place.is_symlink() and not problems(place)
        if intact and active == place:
            return False
        known = os.path.lexists(place)
        if not intact:
            _unpack(release, place)
        try:
            refuse_unfit(place, host)
        except ReleaseError:
            if not known:
                _remove(place)
            raise
        if active not in (None, place):
            _point(prefix, PREVIOUS, active)
        _point(prefix, "venv", place)
        for path in releases.iterdir() if active != place else ():
            if path not in (place, active):
                _remove(path)
    return True


def roll_back(prefix: Path, *, host: Host, overwrite: bool = False) -> Tuple[bool, str]:
    """Make the release before the active one the active one again; whether anything changed, and its name.

    Its commands and units with it, where it carries them; the first releases did not, and those of the newer one stay.
    A second time nothing changes: of two releases the newer one is not "the one before".
    """
    active = require_active(prefix)
    outside = release_places.outside(prefix)
    with _locked(prefix) as releases:
        previous = linked(prefix, PREVIOUS) or _other(releases, active)
        if previous is None:
            raise ReleaseError(f"no earlier release is kept under {prefix}; install the one you want from its sources")
        changes = release_places.moves(previous, outside, overwrite=overwrite)
        if previous != active or changes:
            different = problems(previous)
            if different:
                raise ReleaseError(f"{previous} was damaged ({', '.join(different[:3])}); install anew instead")
            refuse_unfit(previous, host)
            _point(prefix, PREVIOUS, previous)
            _point(prefix, "venv", previous)
            release_places.put(previous, outside, changes=changes)
            if prefix == PREFIX:
                release_places.tell_systemd(changes)
    return previous != active or bool(changes), previous.name


def _other(releases: Path, active: Path) -> Optional[Path]:
    """The one other release, where the switch was last moved by a version that kept no link to it."""
    others = [path for path in releases.iterdir() if path != active and not path.is_symlink() and path.is_dir()]
    return others[0] if len(others) == 1 else None


def refuse_unfit(place: Path, host: Host) -> None:
    """Raises ReleaseError when the release in ``place`` cannot use the host's state or configuration."""
    if host.state is not None:
        _refuse_newer_state(place, host.state)
    if host.config is None or not host.config.exists():
        return
    command = [HOST_PYTHON, "-IS", str(place / "bin/vps-sentry"), "check-config", str(host.config)]
    quiet = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, capture_output=True, text=True, env=quiet, timeout=_CHECK_SECONDS, check=False)
    if done.returncode:
        said = done.stderr.strip().replace("vps-sentry: ", "", 1)
        raise ReleaseError(f"release {place.name} cannot use the configuration: {said}")


def _refuse_newer_state(place: Path, state: Path) -> None:
    try:
        found = (state / "format").read_text("ascii").strip()
    except FileNotFoundError:
        return
    source = place / "lib/vps_sentry/store.py"
    declared = _FORMAT.search(source.read_text("utf-8") if source.exists() else "")
    known = declared[1] if declared else "1"
    if not found.isdigit() or int(found) > int(known):
        raise ReleaseError(
            f"{state} was written by a newer release (format {found[:9]!r}, {place.name} knows {known}); "
            "install that newer release again, or move the state away to begin anew"
        )


@contextlib.contextmanager
def _locked(prefix: Path) -> Iterator[Path]:
    """Hold the lock on the folder of releases; one that was made here and stayed empty is removed again."""
    releases = prefix / "releases"
    made = [folder for folder in (releases, prefix) if not os.path.lexists(folder)]
    for folder in (prefix, releases):
        folder.mkdir(mode=0o755, exist_ok=True)
        facts = folder.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
            raise ReleaseError(f"{folder} must be a directory of the installing user that others cannot write to")
    lock = os.open(releases, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield releases
    finally:
        os.close(lock)
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _point(prefix: Path, name: str, place: Path) -> None:
    """Let the link ``name`` lead to the release in ``place``; there is never a moment without it."""
    fresh = prefix / f"{name}.tmp"
    _remove(fresh)
    fresh.symlink_to(f"releases/{place.name}")
    fresh.replace(prefix / name)
    os.sync()


def _unpack(release: Release, place: Path) -> None:
    fresh, broken = place.with_name(place.name + ".tmp"), place.with_name(place.name + ".broken")
    for path in (fresh, broken):
        _remove(path)
    try:
        _write(release, fresh, place)
    except (OSError, SyntaxError):
        # A full disk must not stay full for our sake.
        _remove(fresh)
        raise
    # A damaged release steps aside as a whole. A tick between the two renames finds no runtime and the next one
    # does; mending file by file would have to trust the directories it writes into.
    if os.path.lexists(place):
        place.rename(broken)
    fresh.rename(place)
    _remove(broken)


def _write(release: Release, fresh: Path, place: Path) -> None:
    fresh.mkdir(mode=0o755)
    sources = {name: entry.data for name, entry in release.files.items() if name.endswith(".py")}
    compiled = {importlib.util.cache_from_source(name): bytecode(sources[name], f"{place}/{name}") for name in sources}
    for name, entry in {**release.files, **compiled, "MANIFEST": Entry(0o644, release.manifest)}.items():
        (fresh / name).parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        (fresh / name).write_bytes(entry.data)
        (fresh / name).chmod(entry.mode)
    os.sync()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _build(output: Path) -> str:
    import release_build

    return release_build.build(Path(__file__).resolve().parents[1], output)


def _manifest(arguments: argparse.Namespace) -> bytes:
    if arguments.sources:
        import release_build

        return release_build.made_of(Path(__file__).resolve().parents[1]).manifest
    if arguments.archive:
        return read_archive(arguments.archive).manifest
    return (require_active(arguments.prefix) / "MANIFEST").read_bytes()


def _run(arguments: argparse.Namespace) -> List[str]:
    if arguments.command == "build":
        return [_build(arguments.output)]
    if arguments.command == "verify":
        return problems(require_active(arguments.prefix))
    if arguments.command == "digest":
        return [hashlib.sha256(_manifest(arguments)).hexdigest()]
    host = Host(arguments.config, arguments.state)
    if arguments.command == "rollback":
        changed, name = roll_back(arguments.prefix, host=host, overwrite=arguments.overwrite)
    else:
        release = read_archive(arguments.archive)
        changed, name = install(release, arguments.prefix, host=host), release.name
    return [f"{'changed' if changed else 'unchanged'} {name}"]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="make vps-sentry-ID.tar.gz out of these sources; prints ID and path")
    build.add_argument("--output", type=Path, required=True, metavar="DIR")
    put = commands.add_parser("install", help="make an archive the active release; prints changed or unchanged, and ID")
    put.add_argument("archive", type=Path, metavar="ARCHIVE")
    back = commands.add_parser("rollback", help="go back to the release before; prints changed or unchanged, and ID")
    verify = commands.add_parser("verify", help="list how the active release differs from its MANIFEST; then exit 1")
    digest = commands.add_parser("digest", help="print the SHA-256 of the MANIFEST of ARCHIVE or the active release")
    digest.add_argument("archive", type=Path, nargs="?", metavar="ARCHIVE")
    digest.add_argument("--sources", action="store_true", help="of the release that these sources make")
    for command in (put, back, verify, digest):
        command.add_argument("--prefix", type=Path, default=PREFIX, metavar="DIR")
    back.add_argument("--overwrite", action="store_true", help="replace commands and units that were changed by hand")
    for command in (put, back):
        command.add_argument("--config", type=Path, metavar="FILE", help="the release must be able to use it")
        command.add_argument("--state", type=Path, metavar="DIR", help="must not be of a newer format")
    return parser.parse_args()


def main() -> int:
    """Run one command; 0 done, 1 a difference or an error, 2 usage."""
    arguments = _arguments()
    if arguments.command in ("install", "rollback", "verify"):
        run_by_the_host()
    try:
        lines = _run(arguments)
    except (ReleaseError, OSError, SyntaxError, subprocess.TimeoutExpired) as exc:
        full = isinstance(exc, OSError) and exc.errno == errno.ENOSPC
        remedy = "; free some space and run this again. The release that was active still is" if full else ""
        sys.stderr.write(f"release.py: {exc}{remedy}\n")
        return 1
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 1 if arguments.command == "verify" and lines else 0


if __name__ == "__main__":
    sys.exit(main())
