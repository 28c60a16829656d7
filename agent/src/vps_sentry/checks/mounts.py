# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts that cover or hold something watched: what is looked at must be what everybody else sees there."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import Any, Iterator, List, Mapping, Tuple

from ..core import codec
from ..core.canonical import escape, unescape
from ..core.model import Change, Code, Observation, Rating
from ..errors import CollectError
from ..host import Host
from ..tick.mounts import table
from ..watch import coverings, filesystems
from ..watch.filesystems import Mount
from ..watch.patterns import Pattern
from . import Check, Context, Stamp, files

_FIRST = 1
_SSHD = "sshd"
_AGENT = "agent"
# What looking at a process gives that ended meanwhile, or that nobody has waited for yet.
_ENDED = (errno.ENOENT, errno.ESRCH, errno.EINVAL)


@dataclass(frozen=True)
class Options:
    """Configuration of the check ``mounts``."""

    enabled: bool = True


COLUMNS = {
    "layers": "what is mounted there, the lowest first: file system, directory of it that is shown, and source",
    "flags": "of ro, nosuid, nodev and noexec those that hold for the uppermost",
}

CODES = {
    "watched_path_covered": Code(
        about="Something was mounted on, above or inside a watched path, or sshd or the agent itself sees another "
        "directory there than the rest of the system: what is watched may not be what is used.",
        technique="T1564",
        action="See what it is with: findmnt, or cat /proc/1/mountinfo. If it is your disk or your bind mount, accept "
        "it; else look at what lies below it before you unmount it.",
    ),
    "mount_changed": Code(
        about="A mount that holds something watched has other flags, such as nosuid, noexec or read-only.",
        technique="",
        action="Somebody remounted it, or a disk with errors became read-only: see findmnt and journalctl -k.",
    ),
    "mount_gone": Code(
        about="A mount that held something watched is gone; what lay below it is seen again.",
        technique="",
        action="If the disk should be there, mount it; the check files tells what differs without it.",
    ),
}


def collect(context: Context) -> Observation:
    """The mounts of PID 1 that count, and where sshd and this process see another directory."""
    watched, excluded = _watched(context)
    where = coverings.places(watched, excluded)
    try:
        usual = _table(_FIRST)
        daemons = dict(_daemons())
        items = coverings.items(usual, where)
        for name, mounts in [*((_SSHD, mounts) for mounts in daemons.values()), (_AGENT, _table(os.getpid()))]:
            items.update(coverings.differences(name, mounts, against=usual, where=where))
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise CollectError(f"the mount tables below /proc cannot be compared: {reason}; run as root") from exc
    memory = {"watched": [escape(path) for path in watched], "processes": [_FIRST, *daemons]}
    return Observation("ok", items, memory=memory)


def _watched(context: Context) -> Tuple[Tuple[bytes, ...], Tuple[Pattern, ...]]:
    """The paths the check ``files`` watches, and what it leaves out."""
    options = codec.decode(files.Options, context.effective().get("checks", {}).get("files", {}))
    try:
        passwd = context.host.read("/etc/passwd")
    except CollectError:
        # The check files says so.
        passwd = b""
    return coverings.watched(files.layout(options, context.host, passwd=passwd).watches), files.exclusions(options)


def _table(process: int) -> List[Mount]:
    return list(filesystems.parse(table(process)))


def _daemons() -> Iterator[Tuple[int, List[Mount]]]:
    """Every sshd that PID 1 started and what it sees. Raises OSError where one may not be looked at."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as handle:
                head, _, tail = handle.read().rpartition(b") ")
            if head.endswith(b"(sshd") and tail.split()[1] == b"1":
                yield int(name), _table(int(name))
        except OSError as exc:
            if exc.errno not in _ENDED:
                raise


def rate(change: Change, options: Options) -> Rating:
    """Code, severity and title of a change; no option bears on it."""
    before, after = change.before or {}, change.after or {}
    process, colon, point = change.key.partition(":")
    where = change.key if not colon or change.key.startswith("/") else f"{point}, as {process} sees it"
    if change.change == "removed":
        return Rating("mount_gone", "info", f"nothing is mounted on {where} any more")
    if before.get("layers") == after.get("layers"):
        return Rating("mount_changed", "warning", f"flags of the mount on {where} changed")
    return Rating("watched_path_covered", "critical", f"a mount covers or holds something watched: {where}")


def stamps(options: Options, host: Host, memory: Mapping[str, Any]) -> Tuple[Stamp, ...]:
    """The mounts that count, as PID 1 and each sshd see them."""
    where = coverings.places(unescape(text) for text in memory["watched"])
    points, prefixes = (tuple(map(coverings.written, paths)) for paths in (where.points, where.prefixes))
    return (("mounts", ((points, prefixes), tuple(memory["processes"]))),)


CHECK = Check(
    name="mounts",
    about="mounts that cover or hold watched paths, as PID 1, sshd and the agent see them",
    options=Options,
    columns=COLUMNS,
    collect=collect,
    rate=rate,
    stamps=stamps,
    live=True,
    codes=CODES,
)
