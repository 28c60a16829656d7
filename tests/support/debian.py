# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk with a database of dpkg on it, as small as the test wants."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Mapping, Tuple

from vps_sentry.host import Host

SCRIPT = b"#!/bin/sh\nexit 0\n"


@dataclass
class Debian:
    """``root`` is a merged-usr disk; packages are added, upgraded and removed as dpkg leaves them."""

    root: Path
    paragraphs: Dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for folder in ("usr/bin", "usr/lib", "etc", "var/lib/dpkg/info"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        for name in ("bin", "lib"):
            (self.root / name).symlink_to(f"usr/{name}")
        self.write()

    @property
    def host(self) -> Host:
        return Host(str(self.root))

    @property
    def info(self) -> Path:
        return self.root / "var/lib/dpkg/info"

    def write(self) -> None:
        """The status file of the packages as they are now."""
        text = "".join(f"{paragraph}\n" for paragraph in self.paragraphs.values())
        (self.root / "var/lib/dpkg/status").write_bytes(os.fsencode(text))

    def install(
        self,
        name: str,
        version: str = "1.0-1",
        *,
        files: Mapping[str, bytes] = {},
        conffiles: Mapping[str, bytes] = {},
        fields: Tuple[str, ...] = (),
        state: str = "install ok installed",
        listed_as: Tuple[str, str] = ("", ""),
    ) -> None:
        """Files, their lists, and the paragraph. ``listed_as``: a prefix of the disk and what the lists say for it."""
        self.disk({**files, **conffiles})
        place, written = listed_as
        named = {written + path[len(place) :] if place and path.startswith(place) else path: path for path in files}
        folders = {str(place) for path in (*named, *conffiles) for place in Path(path).parents} - {"/"}
        lines = ["/.", *sorted(folders), *named, *conffiles]
        (self.info / f"{name}.list").write_bytes(os.fsencode("".join(f"{line}\n" for line in lines)))
        sums = "".join(f"{md5(files[path])}  {line.lstrip('/')}\n" for line, path in named.items())
        (self.info / f"{name}.md5sums").write_bytes(os.fsencode(sums))
        (self.info / f"{name}.postinst").write_bytes(SCRIPT)
        (self.info / f"{name}.postinst").chmod(0o755)
        said = [f"Package: {name}", f"Status: {state}", "Architecture: amd64", f"Version: {version}", *fields]
        if conffiles:
            said += ["Conffiles:", *(f" {path} {md5(content)}" for path, content in conffiles.items())]
        self.paragraphs[name] = "".join(f"{line}\n" for line in (*said, "Maintainer: Nobody <n@example.org>"))
        self.write()

    def disk(self, files: Mapping[str, bytes]) -> None:
        """Files on the disk and nowhere else."""
        for path, content in files.items():
            place = self.root / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)

    def divert(self, *lines: str) -> None:
        """The diversions, three lines each."""
        (self.root / "var/lib/dpkg/diversions").write_bytes(os.fsencode("".join(f"{line}\n" for line in lines)))


def md5(content: bytes) -> str:
    """As a package's list has it."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
