# SPDX-License-Identifier: GPL-3.0-or-later
"""Tripwires: content and metadata of files that decide who may do what on a host."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Iterator, Mapping, Optional, Tuple, Union

from ..core.model import Change, Observation, Rating
from ..core.units import size
from ..errors import CollectError
from ..host import Host
from ..watch import codes, defaults, entries, index, patterns, rating
from ..watch.entries import Watch
from ..watch.survey import Survey, Terms
from . import Check, Context, Stamp

_PASSWD = "/etc/passwd"  # noqa: S105  a path


@dataclass(frozen=True)
class Options:
    """Configuration of the check ``files``."""

    enabled: bool = True
    watch: Tuple[Union[str, Watch], ...] = ()
    """Watched in addition to the defaults; one on the same path as a default replaces that default."""
    defaults: bool = True
    """Whether the built-in list is watched, the start-up files of every account that can log in included."""
    exclude: Tuple[str, ...] = ()
    """Left out everywhere: a name at any depth (``*.log``) or an absolute path; a path in ``watch`` itself stays."""
    hash_budget: str = "256MiB"
    """Bytes of content read in one run; what is left over is marked ``truncated`` and read in the next."""


COLUMNS = {
    "type": "file, directory, link, fifo, socket, block device or character device",
    "mode": "permissions as octal text, setuid (4), setgid (2) and sticky (1) in front",
    "uid": "number of the owning user",
    "gid": "number of the owning group",
    "size": "bytes, of files looked at with content",
    "sha256": "SHA-256 of the content",
    "target": "where a link points; it is never followed",
    "rdev": "major:minor number of a device",
    "nlink": "number of names (hard links) of a file",
    "capabilities": "security.capability as hex, only if there",
    "acl": "POSIX access list as hex, only if there",
    "unreadable": "why this could not be looked at",
    "truncated": "true where the look stopped at a limit: content not read, or entries not listed",
}


def validate(options: Options) -> None:
    """Raises ValueError naming the entry that cannot be used."""
    for name, use in _uses(options):
        try:
            use()
        except ValueError as exc:
            raise ValueError(f"{name}: {exc}") from exc


def _uses(options: Options) -> Iterator[Tuple[str, Callable[[], object]]]:
    for number, watch in enumerate(options.watch):
        yield f"watch[{number}]", partial(entries.target, _watch(watch))
    for number, text in enumerate(options.exclude):
        yield f"exclude[{number}]", partial(patterns.exclusion, text)
    yield "hash_budget", partial(size, options.hash_budget)


def _watch(watch: Union[str, Watch]) -> Watch:
    return Watch(watch) if isinstance(watch, str) else watch


def layout(options: Options, host: Host, *, passwd: bytes) -> entries.Layout:
    """What is watched on ``host``, whose passwd(5) is ``passwd``."""
    excluded = tuple(patterns.exclusion(text) for text in options.exclude)
    targets = [entries.target(_watch(watch)) for watch in options.watch]
    if options.defaults:
        offered = defaults.targets() + defaults.account_targets(passwd)
        targets += [entry for entry in offered if not entries.left_out(entry, excluded)]
        excluded += defaults.exclusions()
    return entries.lay_out(targets, host, excluded=excluded)


def collect(context: Context) -> Observation:
    """Look at everything that is watched; what could not be looked at says so in its item."""
    options: Options = context.options
    passwd, problem = _passwd(options, context.host)
    terms = Terms(now=context.now, budget=size(options.hash_budget), full=context.full)
    survey = Survey(index.load(context.cache), terms)
    for number, watch in enumerate(layout(options, context.host, passwd=passwd).watches):
        survey.look(watch, number)
    survey.finish()
    if problem:
        survey.items.setdefault(_PASSWD, {"unreadable": problem})
        survey.blind.append("/")
    memory = {"unsettled": survey.unsettled, "bytes_hashed": survey.bytes_hashed}
    return Observation("ok", survey.items, blind=tuple(survey.blind), memory=memory, cache=index.dump(survey.records))


def _passwd(options: Options, host: Host) -> Tuple[bytes, Optional[str]]:
    """passwd(5), from which the homes are known, or why there is none."""
    if not options.defaults:
        return b"", None
    try:
        return host.read(_PASSWD), None
    except CollectError as exc:
        return b"", f"{exc}; no home directory is watched"


def rate(change: Change, options: Options) -> Rating:
    """Code, severity and title of a change; no option bears on it."""
    return rating.rate(change)


def stamps(options: Options, host: Host, memory: Mapping[str, Any]) -> Tuple[Stamp, ...]:
    """One stamp over every watch, over other ways to the same place, and over the accounts the list is made from."""
    passwd, _ = _passwd(options, host)
    watches, aliases = layout(options, host, passwd=passwd)
    accounts = entries.lay_out([entries.Target(b"/etc/", (b"passwd",), 0)], host, excluded=()).watches
    stamp: Stamp = ("tree", (watches + aliases + accounts,))
    # A second stamp that never stands still: the first stays comparable when the last file is settled.
    return (stamp, ("tree", ((), True))) if memory.get("unsettled") else (stamp,)


CHECK = Check(
    name="files",
    about="files whose content, owner or mode decides who may do what",
    options=Options,
    columns=COLUMNS,
    collect=collect,
    rate=rate,
    stamps=stamps,
    validate=validate,
    codes=codes.CODES,
)
