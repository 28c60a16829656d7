# SPDX-License-Identifier: GPL-3.0-or-later
"""What cron, anacron and at run: which program, as whom, when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Tuple

from ..core.canonical import escape, unescape
from ..core.model import Change, Observation, Rating, Value
from ..host import Host
from ..launch import accounts, codes, job_rating, jobs, rating
from ..launch.disk import Disk
from ..watch import entries
from . import Check, Context, Stamp

_DPKG = b"/var/lib/dpkg"


@dataclass(frozen=True)
class Options:
    """Configuration of the check ``cron``."""

    enabled: bool = True


COLUMNS = {
    "runs": "the command, or the lines of a job of at",
    "user": "who it runs as",
    "when": "when it runs, as it is written",
    "environment": "variables that the jobs behind it are given; of those that may be secret only a digest",
    "users": "who is named in cron.allow, cron.deny, at.allow or at.deny",
    "state": "why it is not run: its name, its owner or mode, no such user; nothing where it is",
    "malformed": "a line that cron does not understand",
    "target": "where a link points",
    "unreadable": "why the table could not be read",
    "reason": "why a folder was not looked at as a whole",
    "sources": "the file it stands in",
}


def collect(context: Context) -> Observation:
    """Every job; without passwd(5) nobody's crontab can be told from a stranger's, so that is a failure."""
    disk = Disk(context.host)
    people = list(accounts.parse(context.host.read(jobs.PASSWD.decode())))
    users = {account.uid: escape(account.name) for account in reversed(people)}
    names = frozenset(account.name for account in people)
    debian = disk.facts(_DPKG) is not None
    items: Dict[str, Value] = jobs.items(jobs.Look(disk, users, names, debian))
    for folder, reason in disk.not_checked():
        items[rating.NOT_CHECKED + folder] = {"reason": reason}
    return Observation("ok", items, memory={"beyond": sorted(map(escape, disk.beyond))})


def rate(change: Change, options: Options) -> Rating:
    """Code, severity and title of a change; no option bears on it."""
    return job_rating.rate(change)


def stamps(options: Options, host: Host, memory: Mapping[str, Any]) -> Tuple[Stamp, ...]:
    """One stamp over every table, periodic folder and spool of cron, anacron and at, over the list of accounts, and
    over what a link in them leads to.
    """
    beyond = [unescape(path) for path in memory["beyond"]]
    watches, aliases = entries.lay_out(jobs.targets(beyond), host, excluded=())
    return (("tree", (watches + aliases,)),)


CHECK = Check(
    name="cron",
    about="what cron, anacron and at run: crontabs, periodic folders, jobs, and who may have some",
    options=Options,
    columns=COLUMNS,
    collect=collect,
    rate=rate,
    stamps=stamps,
    codes=codes.CRON,
)
