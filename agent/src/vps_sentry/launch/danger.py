# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines that hardly anybody honest lets start by itself: replaceable by others, hidden or nowhere."""

from __future__ import annotations

import re
from typing import Iterable, Iterator, List

from . import shown

_OTHERS_WRITE = ("/tmp/", "/var/tmp/", "/dev/shm/", "/run/user/", "/run/lock/", "/var/lock/", "/var/crash/")  # noqa: S108
_HIDDEN = re.compile(r"/(?:usr|opt|var|etc|lib\w*|s?bin|dev|srv|boot|run)/(?:.*/)?\.[^/.].*")
_NOWHERE = re.compile(r"/(?:memfd:|proc/(?:self|[0-9]+)/fd/).*")
_NETWORK = re.compile(r"/dev/(?:tcp|udp)/[^\s/]")
_HOME = re.compile(r"/home/[^/]+/.+")
_WORD = re.compile(r""""((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)""")
_COMMANDS = re.compile(r"[;&|()\n`]+|\$\(")
_PREFIX = re.compile(r"[-@:+!|]*")
_STARTERS = re.compile(
    r"(?:env|exec|nohup|setsid|nice|ionice|timeout|sudo|chroot|flock|chronic|time|command|doas|unshare|systemd-run"
    r"|(?:ba|da|a|k|mk|z)?sh|busybox|python[0-9.]*|perl[0-9.]*|ruby[0-9.]*|php[0-9.]*|lua[0-9.]*|node(?:js)?|\.|source)"
)
"""Programs whose arguments are programs."""
_DEPTH = 3


def reasons(lines: Iterable[str], *, root: bool) -> List[str]:
    """Why somebody should look at these command lines now, one sentence each. ``root``: whether they run as root."""
    found = []
    for line in lines:
        programs = list(_programs(line, _DEPTH))
        found += [f"{path} lies where everybody may write" for path in programs if path.startswith(_OTHERS_WRITE)]
        found += [f"{path} is hidden" for path in programs if _HIDDEN.fullmatch(path)]
        found += [f"{path} is a file without a name" for path in programs if _NOWHERE.fullmatch(path)]
        found += [f"root runs {path} out of a user's home" for path in programs if root and _HOME.fullmatch(path)]
        if _NETWORK.search(line):
            found.append("a shell connects to the network")
    return list(dict.fromkeys(found))


def loaders(assignments: Iterable[str]) -> List[str]:
    """Those of some assignments that make programs load somebody's code."""
    return [text for text in assignments if shown.LOADER.fullmatch(text)]


def search_path(assignment: str) -> List[str]:
    """Why a ``PATH=`` lets others choose what is run."""
    name, _, value = assignment.partition("=")
    places = value.strip("\"'").split(":") if name == "PATH" else []
    return [f"programs are looked for in {place or '.'}" for place in places if _is_open(place)][:1]


def _is_open(place: str) -> bool:
    return not place.startswith(("/", "~", "$")) or (place + "/").startswith(_OTHERS_WRITE)


def _programs(text: str, depth: int) -> Iterator[str]:
    """The programs a command line starts, those that a shell or ``env`` in it is told to start included."""
    for command in _COMMANDS.split(text) if depth < _DEPTH else [text]:
        words = ["".join(found) for found in _WORD.findall(command)]
        starts = True
        for number, word in enumerate(words):
            if not starts:
                break
            name = _PREFIX.sub("", word, count=1) if not number else word
            if " " in name and depth:
                yield from _programs(name, depth - 1)
                break
            if name.startswith("-") or re.match(r"\w+=", name) or name.isdigit():
                continue
            yield name
            starts = _STARTERS.fullmatch(name.rsplit("/", 1)[-1]) is not None
