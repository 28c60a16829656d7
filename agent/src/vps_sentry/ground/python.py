# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python that carries the agent: every file of its library that was loaded, against the package that brought it.

Bytecode belongs to no package of Debian's: it is compared with what its source compiles to. That takes a second of CPU
when Python is new; from then on a file is looked at when its stat record moved, and bytecode by turns besides.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Set, Tuple

from .. import release
from ..core.canonical import escape
from ..core.model import Value
from ..errors import CollectError
from ..host import Host
from ..packages import dpkg, owner_of
from ..tick import places

TURNS = 12
"""Looks after which all bytecode was read again whatever its time stamps say: half a day or so."""
_HEADER = 16
_HASHED = 1


class Look(NamedTuple):
    """Items, key prefixes that were not looked at, and what the next look must know."""

    items: Dict[str, Value]
    blind: List[str]
    memory: Dict[str, Any]


def look(host: Host, before: Mapping[str, Any], *, full: bool) -> Look:
    """What of the Python that runs is not what its packages brought."""
    verified = {str(path): str(mark) for path, mark in before.get("verified", {}).items()}
    marks = {path: _mark(path) for path in sorted({*loaded(), *verified}) if os.path.lexists(path)}
    turn = (int(before.get("turn", 0)) + 1) % TURNS
    due = [path for path, mark in marks.items() if full or verified.get(path) != mark]
    due += [path for path in list(marks)[turn::TURNS] if path.endswith(".pyc") and path not in due]
    wrong = {str(path): str(why) for path, why in before.get("wrong", {}).items() if path in marks and path not in due}
    blind = []
    try:
        wrong.update(_wrong(host, due))
        verified = marks
    except CollectError:
        # Packages are half installed, or nobody says what they brought: the next look tries again.
        blind.append("python:")
    items: Dict[str, Value] = {f"python:{_shown(path)}": {"state": why} for path, why in sorted(wrong.items())}
    moved = [path for path in strangers() if os.path.lexists(path)]
    items.update({f"python:{path}": {"state": "it moves the library elsewhere"} for path in moved})
    return Look(items, blind, {"verified": verified, "wrong": wrong, "turn": turn})


def _shown(path: str) -> str:
    return escape(os.fsencode(path))


def loaded() -> Set[str]:
    """The interpreter, and the source or library of every module outside of the release, with its bytecode."""
    found = {os.path.realpath(sys.executable)} if sys.executable else set()
    place = release.place_of(release.PACKAGE)
    own = f"{place}/" if place else str(Path(release.PACKAGE).parent) + "/"
    for module in list(sys.modules.values()):
        spec = getattr(module, "__spec__", None)
        origin = getattr(spec, "origin", None)
        if getattr(spec, "has_location", False) and origin and not origin.startswith(own):
            found.add(origin)
            cached = getattr(spec, "cached", None)
            if cached and os.path.lexists(cached):
                found.add(cached)
    return {os.path.normpath(path) for path in found if path.startswith("/")}


def strangers() -> List[str]:
    """Files beside the interpreter that would make it take another library (pyvenv.cfg, site module)."""
    folder = os.path.dirname(os.path.realpath(sys.executable or "/usr/bin/python3"))
    return [f"{folder}/pyvenv.cfg", f"{os.path.dirname(folder)}/pyvenv.cfg"]


def stamp(memory: Mapping[str, Any]) -> Tuple[str, Tuple[Any, ...]]:
    """Every file that was loaded, the folders they lie in (for a module that would be found first), and strangers."""
    files = sorted(str(path) for path in memory.get("verified", ()))
    folders = {os.path.dirname(path) for path in files if not path.endswith(".pyc")}
    return "places", places.grouped([*files, *(f"{folder}/." for folder in folders), *strangers()])


def _mark(path: str) -> str:
    found = os.lstat(path)
    facts = repr((found[:7], found.st_mtime_ns, found.st_ctime_ns))
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def _wrong(host: Host, files: List[str]) -> Dict[str, str]:
    """Path -> why it is not right. Raises CollectError while packages are being installed, or without a database."""
    plain = [path for path in files if not path.endswith(".pyc")]
    found = {path: problem for path in files if path.endswith(".pyc") for problem in [_poisoned(path)] if problem}
    if not plain or not dpkg.present(host):
        # rpm keeps digests of all of it: the check of packages compares them.
        return found
    owners = owner_of(host, map(_shown, plain))
    expected = _digests(host, set(owners.values()))
    for path in plain:
        wanted = expected.get(os.path.realpath(path))
        if wanted is None:
            found[path] = "no package brought it"
        elif _md5(path) != wanted:
            found[path] = "not what its package brought"
    return found


def _digests(host: Host, names: Set[str]) -> Dict[str, str]:
    database = dpkg.Dpkg(host)
    packages = [package for package in database.packages() if package.name in names]
    if any(package.state != "installed" for package in packages):
        raise CollectError("a package of Python is being installed")
    diverted = database.diverted()
    return {
        os.fsdecode(diverted.place(path, package.name)): digest
        for package in packages
        for path, digest in database.digests(package)
    }


def _md5(path: str) -> str:
    try:
        return hashlib.new("md5", Path(path).read_bytes(), usedforsecurity=False).hexdigest()
    except OSError:
        return ""


def _poisoned(path: str) -> Optional[str]:
    """Whether bytecode that Python would load is not made of the source it is named after."""
    folder, _, name = path.rpartition("/__pycache__/")
    source = Path(folder, name.partition(".")[0] + ".py")
    try:
        data, text, facts = Path(path).read_bytes(), source.read_bytes(), source.stat()
    except OSError:
        return None if not os.path.exists(path) else "bytecode of no source"
    if data[:4] != MAGIC_NUMBER:
        return None
    flags = int.from_bytes(data[4:8], "little")
    times = int.from_bytes(data[8:12], "little"), int.from_bytes(data[12:16], "little")
    if not flags & _HASHED and times != (int(facts.st_mtime) & 0xFFFFFFFF, facts.st_size & 0xFFFFFFFF):
        return None  # Of another source: Python passes it over.
    try:
        same = marshal.loads(data[_HEADER:]) == compile(text, str(source), "exec", dont_inherit=True)  # noqa: S302
    except (EOFError, SyntaxError, TypeError, ValueError):
        same = False
    return None if same else "bytecode that its source does not compile to"
