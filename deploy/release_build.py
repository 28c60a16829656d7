# SPDX-License-Identifier: GPL-3.0-or-later
"""The building half of ``release.py``, needed beside a checkout only: gathers a release's files and packs them."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Dict, Mapping, Tuple

Pairs = Dict[str, Tuple[int, bytes]]


def gather(repository: Path) -> Pairs:
    """The files of a release, out of a checkout: ``{name: (permission bits, content)}``. Raises ValueError."""
    files: Pairs = {"bin/vps-sentry": (0o755, (repository / "deploy/runtime/vps-sentry").read_bytes())}
    source = repository / "agent/src/vps_sentry"
    for path in sorted(source.rglob("*")):
        if path.is_symlink():
            raise ValueError(f"{path} is a symbolic link; a release holds files only")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
            files[f"lib/vps_sentry/{path.relative_to(source).as_posix()}"] = (0o644, path.read_bytes())
    for wheel in sorted((repository / "deploy/vendor").glob("*.whl")):
        for name, data in unzip(wheel).items():
            if files.setdefault(f"vendor/{name}", (0o644, data))[1] != data:
                raise ValueError(f"{wheel} and another wheel hold different files named {name}")
    return files


def unzip(wheel: Path) -> Dict[str, bytes]:
    """The files of a pure-Python wheel: compiled code would bind the fleet to one Python and one processor."""
    if not wheel.name.endswith("-none-any.whl"):
        raise ValueError(f"{wheel} is not a pure-Python wheel (-none-any.whl)")
    try:
        with zipfile.ZipFile(wheel) as archive:
            return {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
    except zipfile.BadZipFile as exc:
        raise ValueError(f"{wheel} cannot be read: {exc}; fetch it again") from exc


def pack(files: Mapping[str, Tuple[int, bytes]]) -> bytes:
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
