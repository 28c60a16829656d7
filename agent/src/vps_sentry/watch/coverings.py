# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mounts cover or hold something watched, what stands there, and where one process sees another thing. Pure."""

from __future__ import annotations

from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from ..core.canonical import escape
from ..core.model import Value
from ..tick import tree
from . import patterns
from .entries import Compiled
from .filesystems import Mount

_FLAGS = (b"ro", b"nosuid", b"nodev", b"noexec")
_AUTOMATIC = b"autofs"


class Places(NamedTuple):
    """``points``: watched paths and all directories above; ``prefixes``: watched paths ending in ``/``."""

    points: Tuple[bytes, ...]
    prefixes: Tuple[bytes, ...]
    excluded: Tuple[patterns.Pattern, ...] = ()

    def count(self, point: bytes) -> bool:
        """Whether a mount there covers or holds something watched."""
        if point in self.points:
            return True
        return point.startswith(self.prefixes) and not any(patterns.covers(entry, point) for entry in self.excluded)


def watched(watches: Iterable[Compiled]) -> Tuple[bytes, ...]:
    """The paths that the watches of a live system look at, sorted; of a pattern what stands before its first star."""
    found: Set[bytes] = set()
    for base, _, components, *_ in watches:
        names = tree.literals(components[0]) if len(components) == 1 else []
        found.update([base + name for name in names] or [base.rstrip(b"/") or b"/"])
    return tuple(sorted(found))


def places(paths: Iterable[bytes], excluded: Tuple[patterns.Pattern, ...] = ()) -> Places:
    """What counts for a mount when ``paths`` are watched and ``excluded`` are not."""
    points, prefixes = {b"/"}, set()
    for path in paths:
        prefixes.add(path.rstrip(b"/") + b"/")
        parts = path.split(b"/")
        points.update(b"/".join(parts[:end]) for end in range(2, len(parts) + 1))
    return Places(tuple(sorted(points)), tuple(sorted(prefixes)), excluded)


def written(path: bytes) -> bytes:
    """A path as a mount table writes it."""
    for raw in (b"\\", b" ", b"\t", b"\n"):
        path = path.replace(raw, b"\\%03o" % ord(raw))
    return path


def items(table: Sequence[Mount], where: Places) -> Dict[str, Value]:
    """One item for each mount point that counts: what lies on it, bottom first, and the flags of the uppermost."""
    stacks: Dict[bytes, List[Mount]] = {}
    for mount in table:
        if where.count(mount.point):
            stacks.setdefault(mount.point, []).append(mount)
    return {escape(point): _value(stack) for point, stack in stacks.items()}


def _value(stack: List[Mount]) -> Value:
    # What an automount mounts comes and goes by itself; only what lies on top of that is somebody's doing.
    kept = [mount for number, mount in enumerate(stack) if not number or stack[number - 1].kind != _AUTOMATIC]
    top = kept[-1]
    return {
        "layers": [_words(mount) for mount in kept],
        "flags": [flag.decode() for flag in _FLAGS if flag in top.options],
    }


def _words(mount: Mount) -> str:
    """File system, directory shown and source. A disk's device name may be another after each boot."""
    source = b"" if mount.source.startswith(b"/dev/") else b" from " + mount.source
    return escape(mount.kind + b" " + mount.root + source)


def differences(
    name: str, table: Sequence[Mount], *, against: Sequence[Mount], where: Places
) -> Iterator[Tuple[str, Value]]:
    """``name:POINT`` for each point that counts where a process sees another directory than ``against`` shows there.

    A directory mounted on itself, as the sandbox of a service does it, is no other directory.
    """
    shown = _uppermost(table)
    usual = _uppermost(against)
    for point in sorted({*shown, *usual}):
        mine, theirs = _shown_at(point, shown), _shown_at(point, usual)
        if where.count(point) and mine != theirs:
            yield f"{name}:{escape(point)}", {"layers": [_view(shown, point)]}


def _uppermost(table: Sequence[Mount]) -> Dict[bytes, Mount]:
    return {mount.point: mount for mount in table}


def _covering(point: bytes, mounts: Dict[bytes, Mount]) -> Optional[Mount]:
    """The mount on ``point`` or on the nearest directory above."""
    while point not in mounts:
        if point in (b"/", b""):
            return None
        point = point.rpartition(b"/")[0] or b"/"
    return mounts[point]


def _shown_at(point: bytes, mounts: Dict[bytes, Mount]) -> Optional[Tuple[bytes, bytes]]:
    """Device and directory of it that is seen at ``point``."""
    mount = _covering(point, mounts)
    if mount is None:
        return None
    below = point[len(mount.point.rstrip(b"/")) :]
    return mount.device, (mount.root.rstrip(b"/") + below).rstrip(b"/") or b"/"


def _view(mounts: Dict[bytes, Mount], point: bytes) -> str:
    mount = _covering(point, mounts)
    return "nothing" if mount is None else _words(mount)
