# SPDX-License-Identifier: GPL-3.0-or-later
"""Installed packages, and whether what they brought is still what they brought; who vouches for what changed."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any, List, Mapping, Tuple

from ..core.canonical import unescape
from ..core.model import Change, Observation, Rating
from ..core.units import size
from ..host import Host
from ..packages import archives, codes, dpkg, rating, rpm
from ..packages.look import Look, Terms
from ..watch import entries
from ..watch.entries import Watch
from . import Check, Context, Stamp

_WALL_SECONDS = 30
_FULL_BUDGETS = 64
"""A person who asks for everything waits longer: so many budgets."""
_INFO = f"{dpkg.INFO}/*.{{preinst,postinst,prerm,postrm,md5sums}}"
_STAT = (
    *(dpkg.STATUS, dpkg.DIVERSIONS, dpkg.STATOVERRIDE, dpkg.INFO, archives.LISTS),
    *(archives.SINGLE, *archives.KEYRINGS),
    *(f"{folder}/{rpm.SQLITE}{suffix}" for folder in rpm.FOLDERS for suffix in ("", "-wal")),
)


@dataclass(frozen=True)
class Options:
    """Configuration of the check ``packages``."""

    enabled: bool = True
    read_budget: str = "128MiB"
    """Bytes of packages' files read in one full look, until all have been read once and then once a day."""


COLUMNS = {
    "version": "version as dpkg or rpm write it",
    "lists": "digest over the package's own lists: files, their digests, configuration files",
    "scripts": "digest over the scripts that root runs for it",
    "state": "what dpkg calls it when it is not simply installed",
    "held": "true where it is held back from upgrades",
    "local": "true where signed lists are there and none has it",
    "edited": "true where its lists changed after this version was first seen",
    "package": "of a file that is not as its package says: the package",
    "problem": "what is wrong with such a file: differs, missing, no file",
    "sha256": "SHA-256 of what lies there instead, or of a keyring",
    "source": "the file itself",
    "to": "where a diversion puts the file",
    "by": "the package that made a diversion, or administrator",
    "user": "owner that dpkg was told to give a file",
    "group": "group that dpkg was told to give a file",
    "mode": "mode that dpkg was told to give a file",
}


def validate(options: Options) -> None:
    """Raises ValueError naming the entry that cannot be used."""
    try:
        size(options.read_budget)
    except ValueError as exc:
        raise ValueError(f"read_budget: {exc}") from exc


def collect(context: Context) -> Observation:
    """The inventory, what differs from it on the disk, and the vouchers for what other checks saw change."""
    if not dpkg.present(context.host) and not rpm.present(context.host):
        return Observation("skipped", error="no database of dpkg or rpm on this host")
    try:
        return Look(context.host, context.cache(), context.baseline, terms=_terms(context)).observe(context.changes)
    except rpm.OtherFormError as exc:
        return Observation("skipped", error=str(exc))


def _terms(context: Context) -> Terms:
    end = time.monotonic() + _WALL_SECONDS
    return Terms(
        now=context.now,
        uptime=context.uptime,
        run=context.run,
        budget=size(context.options.read_budget) * (_FULL_BUDGETS if context.full else 1),
        full=context.full,
        expired=lambda: not context.full and time.monotonic() > end,
        state=context.state,
        stands=context.stands,
    )


def rate(change: Change, options: Options) -> Rating:
    """Code, severity and title of a change; no option bears on it."""
    return rating.rate(change)


def stamps(options: Options, host: Host, memory: Mapping[str, Any]) -> Tuple[Stamp, ...]:
    """The databases and lists by their stat records, scripts and digests one by one, the rest by the hour; but what
    differs is asked for at each tick, for it may be mended.
    """
    found: List[Stamp] = [("stat", _STAT)]
    if dpkg.present(host):
        scripts = entries.lay_out([entries.target(Watch(_INFO))], host, excluded=())
        found.append(("tree", (scripts.watches,)))
    wrong = tuple(os.fsdecode(unescape(path)) for path in memory.get("wrong", ()))
    if wrong and host.live:
        found.append(("stat", wrong))
    if memory.get("unsettled"):
        # A stamp that never stands still: files are still to be read, or the package manager is at work.
        found.append(("tree", ((), True)))
    elif host.live and memory.get("state"):
        found.append(("sweep", (unescape(memory["state"]), memory["run"])))
    return tuple(found)


CHECK = Check(
    name="packages",
    about="installed packages, and whether what they brought is still what they brought",
    options=Options,
    columns=COLUMNS,
    collect=collect,
    rate=rate,
    stamps=stamps,
    validate=validate,
    codes=codes.CODES,
)
