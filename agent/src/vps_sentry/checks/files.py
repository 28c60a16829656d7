# SPDX-License-Identifier: GPL-3.0-or-later
"""Tripwires: content and metadata of files that decide who may do what on a host."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Set, Tuple, Union

from .. import release
from ..core.canonical import escape, unescape
from ..core.model import Change, Observation, Rating
from ..core.units import size
from ..errors import CollectError
from ..host import Host
from ..watch import codes, defaults, entries, filesystems, histories, index, patterns, rating, room, scope, signals
from ..watch.entries import Watch
from ..watch.survey import Survey, Terms
from . import Check, Context, Stamp

_PASSWD = "/etc/passwd"  # noqa: S105  a path
_WALL_SECONDS = 45
_FULL_BUDGETS = 16
"""A person who asks for everything waits longer: so many hash budgets."""


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
    "acl": "POSIX access list as hex, and `default:` with the one a directory hands down, each only if there",
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
    excluded = _named_exclusions(options)
    targets = [entries.target(_watch(watch)) for watch in options.watch]
    if options.defaults:
        offered = defaults.targets() + defaults.account_targets(passwd)
        targets += [entry for entry in offered if not entries.left_out(entry, excluded)]
    return entries.lay_out(targets, host, excluded=(*exclusions(options), *map(patterns.exclusion, _installed(host))))


def _installed(host: Host) -> Tuple[str, ...]:
    """What the check ``agent`` judges by the record of the installation; elsewhere, and without a record, nothing."""
    if not host.live or release.place_of(release.PACKAGE) is None:
        return ()
    try:
        return tuple(release.recorded(host.read(release.RECORD)))
    except CollectError:
        return ()


def exclusions(options: Options) -> Tuple[patterns.Pattern, ...]:
    """What is left out of every watch."""
    return _named_exclusions(options) + (defaults.exclusions() if options.defaults else ())


def _named_exclusions(options: Options) -> Tuple[patterns.Pattern, ...]:
    return tuple(patterns.exclusion(text) for text in options.exclude)


def collect(context: Context) -> Observation:
    """Look at everything that is watched; what could not be looked at says so in its item."""
    options: Options = context.options
    passwd, problem = _passwd(options, context.host)
    watches = layout(options, context.host, passwd=passwd).watches
    survey = Survey(index.load(context.cache()), _terms(context), accepted=context.baseline)
    for number, watch, most in room.in_turn(watches, _built_in(passwd)):
        survey.look(watch, number, most=most)
    found, rounds = survey.finish(_random)
    if problem:
        survey.items.setdefault(_PASSWD, {"unreadable": problem})
        survey.blind.append("/")
    now = _scope(options)
    before = scope.accepted(context.memory, now)
    begun = scope.begun(survey.items.keys() - context.baseline.keys(), now, before=before if context.accepted else now)
    known = histories.sizes(defaults.login_homes(passwd), context.host)
    shrunk = histories.shrunk(context.memory.get("histories", {}), known, now=context.now)
    late = signals.overdue(rounds, [_name(watch) for watch in watches], now=context.now)
    return Observation(
        "ok",
        survey.items,
        signals=(*signals.unseen(survey.unseen, context.now), *late, *shrunk),
        # A baseline of before their own check judged them may hold them: they are not gone.
        blind=(*survey.blind, *_installed(context.host)),
        unwatched=scope.unwatched(context.baseline.keys() - survey.items.keys(), now),
        begun=begun,
        memory={
            **_memory(context, survey, age=rounds[0].oldest if rounds else 0),
            "histories": known,
            "scope": before if begun else now,
        },
        cache=index.dump(found),
    )


def _random() -> float:
    """From 0 to 1, by the kernel; the module ``random`` would cost a tenth of a Python."""
    return int.from_bytes(os.urandom(6), "big") / 2**48


def _scope(options: Options) -> scope.Written:
    """What is watched, apart from homes."""
    built_in, left_out = (defaults.WATCH, defaults.EXCLUDE) if options.defaults else ((), ())
    return scope.written([*map(_watch, options.watch), *built_in], [*options.exclude, *left_out])


def _built_in(passwd: bytes) -> Set[object]:
    """The places that matter on every host, whoever names them."""
    return {(entry.base, entry.components) for entry in defaults.targets() + defaults.account_targets(passwd)}


def _terms(context: Context) -> Terms:
    end = time.monotonic() + _WALL_SECONDS
    budget = size(context.options.hash_budget)
    return Terms(
        now=context.now,
        budget=budget * _FULL_BUDGETS if context.full else budget,
        full=context.full,
        run=context.run,
        uptime=context.uptime,
        expired=lambda: not context.full and time.monotonic() > end,
        weak=_weak(context.host),
    )


def _weak(host: Host) -> Callable[[bytes], bool]:
    """Where time stamps prove nothing; everywhere when the mount table cannot be read."""
    if not host.live:
        return lambda directory: False
    try:
        return filesystems.weak_places(host.read("/proc/self/mountinfo"))
    except (CollectError, ValueError):
        return lambda directory: True


def _name(watch: entries.Compiled) -> str:
    """A watch as it is called in a sentence."""
    parts = [part if type(part) is bytes else b"*" for part in watch[2]]
    return escape(watch[0] + b"/".join(parts))


def _memory(context: Context, survey: Survey, *, age: int) -> Dict[str, Any]:
    return {
        "unsettled": survey.unsettled,
        "bytes_hashed": survey.bytes_hashed,
        "oldest_hash_age": age,
        "run": context.run,
        "state": escape(os.fsencode(context.state)),
    }


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
    sources = [entries.Target(b"/etc/", (b"passwd",), 0), entries.target(Watch(release.RECORD))]
    accounts = entries.lay_out(sources, host, excluded=()).watches
    everything = watches + aliases + accounts
    # The state of a look at another root is nobody's to find again.
    state = unescape(memory["state"]) if host.live and memory.get("state") else b""
    found: List[Stamp] = [("listing", (everything, state)) if state else ("tree", (everything,))]
    if memory.get("unsettled"):
        # A second stamp that never stands still: the first stays comparable when the last file is settled.
        found.append(("tree", ((), True)))
    if state:
        found.append(("rehash", (state, memory["run"])))
        found.append(("shrunk", tuple((unescape(path), histories.least(n)) for path, n in memory["histories"].items())))
    return tuple(found)


CHECK = Check(
    name="files",
    about="files whose content, owner or mode decides who may do what",
    options=Options,
    columns=COLUMNS,
    collect=collect,
    rate=rate,
    stamps=stamps,
    example=Options(watch=defaults.WATCH, exclude=defaults.EXCLUDE),
    validate=validate,
    codes=codes.CODES,
)
