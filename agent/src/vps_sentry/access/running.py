# SPDX-License-Identifier: GPL-3.0-or-later
"""The sshd that a connection meets, and every other one that runs with settings of its own."""

from __future__ import annotations

from typing import List, NamedTuple, Tuple

from ..core.canonical import escape
from ..host import Host
from ..sessions import processes
from ..sshd import files
from ..sshd.files import MAIN, Read


class Server(NamedTuple):
    """One sshd."""

    name: str
    """Empty for the usual one, else what it was started with."""
    path: str
    """Its configuration file."""
    read: Read


def servers(host: Host, *, now: int) -> List[Server]:
    """The usual sshd first, whether it runs or not; of a mounted disk there is no other."""
    usual = Server("", MAIN, files.read(host))
    found = {usual.read.policy.settings: usual}
    for arguments in _started(host, now) if host.live else ():
        read = files.read(host, arguments)
        name = escape(" ".join(arguments).encode("utf-8", "surrogateescape"))[:120]
        found.setdefault(read.policy.settings, Server(name, _path(arguments), read))
    return list(found.values())


def _started(host: Host, now: int) -> List[Tuple[str, ...]]:
    try:
        return sorted({server.arguments for server in processes.look({}, now=now).servers})
    except OSError:
        # Without /proc no check of running programs works, and those say so.
        return []


def _path(arguments: Tuple[str, ...]) -> str:
    for at, word in enumerate(arguments):
        if word == "-f" and at + 1 < len(arguments):
            return arguments[at + 1]
        if word.startswith("-f") and len(word) > 2:
            return word[2:]
    return MAIN
