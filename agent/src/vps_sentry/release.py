# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed release this code runs from: what its MANIFEST says, what lies there, and its bytecode.

A line of MANIFEST is ``sha256  mode  path``. Bytecode is not listed: it belongs to one Python, and is made of the
sources (PEP 552, hash-based and unchecked, so that a tick never reads a source).
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from .tick import plain

PACKAGE = str(Path(__file__).parent)
RECORD = "/opt/vps-sentry/installed"
"""Lines ``sha256  path`` of what an installation put outside of the release: commands, units, their user."""
_OWN = re.compile(r"/usr/local/bin/vps-sentry[a-z-]*|/etc/(?:systemd/system|sysusers\.d)/vps-sentry[a-z./-]*", re.ASCII)
_HEADER = 16


class Bytecode(NamedTuple):
    """The bytecode for the running Python."""

    stale: Tuple[str, ...]
    """Sources without bytecode that this Python would load."""
    wrong: Tuple[str, ...]
    """Bytecode that is not what its source compiles to."""
    digest: str
    """Over all of it, hex."""


def manifest(package: str) -> Path:
    """Where the MANIFEST of the release lies, seen from the package's folder ``RELEASE/lib/vps_sentry``."""
    return Path(package).parent.parent / "MANIFEST"


def agent_digest(package: str) -> Optional[str]:
    """``sha256:`` + hex of the MANIFEST; None when the code runs from a checkout."""
    try:
        return "sha256:" + hashlib.sha256(plain.read(str(manifest(package)))).hexdigest()
    except OSError:
        return None


def place_of(package: str) -> Optional[Path]:
    """The folder of the release, None when the code runs from a checkout."""
    found = manifest(package)
    return found.parent if found.is_file() else None


def listed(place: Path) -> Dict[str, Tuple[str, int]]:
    """Name -> SHA-256 as hex and permission bits, as MANIFEST says. Raises OSError, ValueError."""
    rows = (line.split("  ") for line in plain.read(str(place / "MANIFEST")).decode("ascii").splitlines())
    return {name: (digest, int(mode, 8)) for digest, mode, name in rows}


def recorded(record: bytes) -> Dict[str, str]:
    """Path -> SHA-256 as hex, of a record; lines about anything but the agent's own places are no part of it."""
    rows = (line.partition("  ") for line in record.decode("ascii", "replace").splitlines())
    return {path: digest for digest, _, path in rows if _OWN.fullmatch(path) and ".." not in path}


def misplaced(record: bytes, top: str = "/") -> List[str]:
    """What the record names below ``top`` and that is not what lies there: lines ``missing|different PATH``."""
    found = []
    for path, digest in sorted(recorded(record).items()):
        place = Path(top, path.lstrip("/"))
        try:
            content, mode = _facts(place)
        except OSError:
            found.append(f"missing {path}")
            continue
        if content != digest or mode & 0o022:
            found.append(f"different {path}")
    return found


def sources(place: Path) -> List[str]:
    """The Python files that MANIFEST lists and that are there, sorted; none when it cannot be read."""
    try:
        return sorted(name for name in listed(place) if name.endswith(".py") and (place / name).is_file())
    except (OSError, ValueError):
        return []


def places(place: Path) -> List[str]:
    """Every file that belongs into the release, its bytecode included, and every folder (``/.`` at its end), sorted,
    for a watch: a name that comes or goes moves its folder.
    """
    from importlib.util import cache_from_source

    try:
        names = [str(place / name) for name in listed(place)]
    except (OSError, ValueError):
        names = []
    compiled = (cache_from_source(name) for name in names if name.endswith(".py"))
    files = {*names, *compiled, str(place / "MANIFEST")}
    return sorted({*files, *(f"{os.path.dirname(name)}/." for name in files)})


def problems(place: Path) -> List[str]:
    """How the release differs from its MANIFEST: sorted lines ``missing|extra|different NAME``; bytecode left out."""
    try:
        recorded = listed(place)
        own = hashlib.sha256(plain.read(str(place / "MANIFEST"))).hexdigest()
    except (OSError, ValueError):
        return ["different MANIFEST"]
    found = [] if place.name.rpartition("-")[2] == own[:12] else ["different MANIFEST"]
    there = {path.relative_to(place).as_posix(): path for path in _files(place)}
    python = {name for name in recorded if name.endswith(".py")}
    for name in sorted({*recorded, *there} - {"MANIFEST"}):
        if name not in there:
            found.append(f"missing {name}")
        elif name in recorded and _facts(there[name]) != recorded[name]:
            found.append(f"different {name}")
        elif name not in recorded and not _is_bytecode(name, python):
            found.append(f"extra {name}")
    return sorted(found)


def _files(place: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(place):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        yield from (Path(folder, name) for name in [*names, *links])


def _facts(path: Path) -> Tuple[str, int]:
    facts = path.lstat()
    # A link, a device or somebody else's file is never what was installed.
    if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid():
        return "", 0
    return hashlib.sha256(path.read_bytes()).hexdigest(), stat.S_IMODE(facts.st_mode)


def _is_bytecode(name: str, python: set[str]) -> bool:
    folder, _, file = name.rpartition("/__pycache__/")
    return bool(folder) and file.endswith(".pyc") and f"{folder}/{file.split('.')[0]}.py" in python


def bytecode(place: Path, *, verified: str = "") -> Bytecode:
    """What this Python would load beside the sources that MANIFEST lists. Raises OSError, ValueError.

    A header only says for which source bytecode was made, so unless its digest is the one ``verified`` before, each is
    compared with what its source compiles to: a second of CPU after an installation, nothing later.
    """
    from importlib.util import cache_from_source

    found = {}
    for name in sources(place):
        path = Path(cache_from_source(str(place / name)))
        found[name] = path.read_bytes() if path.is_file() else b""
    digest = hashlib.sha256(b"".join(hashlib.sha256(data).digest() for data in found.values())).hexdigest()
    text = {name: (place / name).read_bytes() for name in found}
    stale = tuple(name for name in found if found[name][:_HEADER] != _header(text[name]))
    suspects = set(found) - set(stale) if digest != verified else set()
    wrong = tuple(sorted(name for name in suspects if not _is_made_of(found[name], text[name])))
    return Bytecode(stale, wrong, digest)


def _is_made_of(data: bytes, source: bytes) -> bool:
    import marshal

    # Code is compared, not bytes: marshal's output depends on what else the interpreter holds. Loading hostile
    # bytecode gives its author nothing: who can write here already runs code as root at the next tick.
    try:
        made = compile(source, "", "exec", dont_inherit=True)
        return bool(marshal.loads(data[_HEADER:]) == made)  # noqa: S302
    except (EOFError, SyntaxError, TypeError, ValueError):
        return False


def _header(source: bytes) -> bytes:
    from importlib.util import MAGIC_NUMBER, source_hash

    return MAGIC_NUMBER + (1).to_bytes(4, "little") + source_hash(source)


def recompile(place: Path) -> int:
    """Make the bytecode that is stale, remove that of other Pythons; how many files were made.

    Only from sources that MANIFEST vouches for. Raises OSError, ValueError, SyntaxError.
    """
    import marshal
    from importlib.util import cache_from_source

    stale = bytecode(place).stale
    for name in stale:
        source = (place / name).read_bytes()
        code = marshal.dumps(compile(source, str(place / name), "exec", dont_inherit=True))
        target = Path(cache_from_source(str(place / name)))
        target.parent.mkdir(mode=0o755, exist_ok=True)
        fresh = target.with_name(f".{target.name}.new")
        fresh.write_bytes(_header(source) + code)
        fresh.chmod(0o644)
        fresh.replace(target)
    wanted = {cache_from_source(str(place / name)) for name in sources(place)}
    for path in _files(place):
        if path.parent.name == "__pycache__" and str(path) not in wanted:
            path.unlink()
    return len(stale)
