# SPDX-License-Identifier: GPL-3.0-or-later
"""The building half of ``release.py``, needed where the sources lie: gathers a release's files and packs them."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Dict, Iterator, Mapping

import release_places
from release_files import Entry, Files, Release, ReleaseError, release_of


def build(sources: Path, output: Path) -> str:
    """Write ``vps-sentry-ID.tar.gz`` into ``output``; returns ID and path. Raises ReleaseError."""
    release = made_of(sources)
    output.mkdir(parents=True, exist_ok=True)
    archive = output / f"vps-sentry-{release.name}.tar.gz"
    archive.write_bytes(pack({**release.files, "MANIFEST": Entry(0o644, release.manifest)}))
    return f"{release.name} {archive}"


def made_of(sources: Path) -> Release:
    """The release that a checkout or a collection makes. Raises ReleaseError."""
    return release_of(gather(sources))


def gather(repository: Path) -> Files:
    """The files of a release, out of a checkout or a collection. Raises ReleaseError."""
    files: Files = {"bin/vps-sentry": Entry(0o755, (repository / "deploy/runtime/vps-sentry").read_bytes())}
    source = repository / "agent/src/vps_sentry"
    for path in _below(source):
        files[f"lib/vps_sentry/{path.relative_to(source).as_posix()}"] = Entry(0o644, path.read_bytes())
    # An installation puts these in their places itself; a rollback takes them from here.
    for room in release_places.ROOMS:
        for path in _below(repository / room):
            mode = 0o755 if room == "deploy/bin/" else 0o644
            files[path.relative_to(repository).as_posix()] = Entry(mode, path.read_bytes())
    for wheel in sorted((repository / "deploy/vendor").glob("*.whl")):
        for name, data in unzip(wheel).items():
            if files.setdefault(f"vendor/{name}", Entry(0o644, data)).data != data:
                raise ReleaseError(f"{wheel} and another wheel hold different files named {name}")
    return files


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise ReleaseError(f"{path} is a symbolic link; a release holds files only")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
            yield path


def unzip(wheel: Path) -> Dict[str, bytes]:
    """The files of a pure-Python wheel: compiled code would bind the fleet to one Python and one processor."""
    if not wheel.name.endswith("-none-any.whl"):
        raise ReleaseError(f"{wheel} is not a pure-Python wheel (-none-any.whl)")
    try:
        with zipfile.ZipFile(wheel) as archive:
            return {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
    except zipfile.BadZipFile as exc:
        raise ReleaseError(f"{wheel} cannot be read: {exc}; fetch it again") from exc


def pack(files: Mapping[str, Entry]) -> bytes:
    """An archive; the same files give the same bytes (with the same zlib: a release's ID never depends on it)."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, (mode, data) in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.mode, member.size = mode, len(data)
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()
