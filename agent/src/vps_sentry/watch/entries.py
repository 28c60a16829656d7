# SPDX-License-Identifier: GPL-3.0-or-later
"""From what an operator or the defaults name to the watches that are walked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Iterable, List, NamedTuple, Tuple

from ..host import Host
from ..tick import tree
from . import patterns
from .patterns import Components, Pattern

Compiled = Tuple[bytes, bytes, Components, int, int, Tuple[Pattern, ...]]
"""A watch as ``tick.tree.walk`` takes it."""


@dataclass(frozen=True)
class Watch:
    """One entry of ``checks.files.watch``, when it says more than a path."""

    path: str
    """Absolute; ``*`` matches within a name (real directories, not links), ``{a,b}`` either."""
    recursive: bool = True
    """Everything below a directory, or only what lies directly in it."""
    exclude: Tuple[str, ...] = ()
    """Left out: a name at any depth (``*.log``), a path inside (``cache/tmp``), or an absolute path."""
    depth: int = tree.MAX_DEPTH
    """How many levels below a directory are looked at, 1 to 40."""


class Target(NamedTuple):
    """A watch before it is known where on this host it lies."""

    base: bytes
    components: Components
    depth: int
    excluded: Tuple[Pattern, ...] = ()
    limit: int = tree.MAX_ENTRIES
    """Entries looked at; what lies beyond is said to be there, not what it is."""


class Layout(NamedTuple):
    """``watches`` are walked by stamp and full check, ``aliases`` (other ways to the same place) by the stamp alone."""

    watches: Tuple[Compiled, ...]
    aliases: Tuple[Compiled, ...]


def target(watch: Watch) -> Target:
    """Raises ValueError naming what cannot be watched."""
    path = patterns.absolute(watch.path)
    base, components = patterns.split(path)
    if None in components:
        raise ValueError(f"{watch.path!r}: '**' is not needed, a watch looks at everything below its path")
    if not 1 <= watch.depth <= tree.MAX_DEPTH:
        raise ValueError(f"{watch.path!r}: depth {watch.depth} is not between 1 and {tree.MAX_DEPTH}")
    excluded = tuple(patterns.exclusion(text, below=path) for text in watch.exclude)
    return Target(base, components, watch.depth if watch.recursive else 1, excluded)


def lay_out(targets: Iterable[Target], host: Host, *, excluded: Tuple[Pattern, ...]) -> Layout:
    """The watches of ``targets`` on ``host``. Of two that lie at the same place the first counts."""
    watches: List[Compiled] = []
    aliases: List[Compiled] = []
    places = set()
    for entry in targets:
        place = locate(host, entry.base)
        opened = entry.base if host.live else place
        if (place, entry.components) in places:
            # /lib/systemd on a merged-usr host; should the link be turned elsewhere, the stamp must move.
            aliases.append((entry.base, opened, (b".",), 0, 1, ()))
            continue
        places.add((place, entry.components))
        left_out = _relevant(entry, excluded)
        watches.append((entry.base, opened, entry.components, entry.depth, entry.limit, left_out))
    return Layout(tuple(watches), tuple(aliases))


def locate(host: Host, directory: bytes) -> bytes:
    """Where a directory (ending in ``/``) lies, links resolved inside the host's root; empty for a circle of links."""
    try:
        # locate leaves the last component alone, so a name below makes it resolve the whole directory.
        return os.path.dirname(host.locate(directory + b"entry")).rstrip(b"/") + b"/"
    except OSError:
        return b""


def left_out(entry: Target, excluded: Tuple[Pattern, ...]) -> bool:
    """Whether an exclusion covers the whole of a target; one with a pattern is judged by its entries."""
    names = [part for part in entry.components if type(part) is bytes]
    path = entry.base + b"/".join(names)
    return len(names) == len(entry.components) and any(patterns.covers(pattern, path) for pattern in excluded)


def _relevant(entry: Target, excluded: Tuple[Pattern, ...]) -> Tuple[Pattern, ...]:
    first: Any = entry.components[0]
    inside = entry.base + first + b"/" if len(entry.components) == 1 and type(first) is bytes else entry.base
    chosen = (pattern for pattern in excluded if pattern[0].startswith(inside) or inside.startswith(pattern[0]))
    return (*entry.excluded, *chosen)
