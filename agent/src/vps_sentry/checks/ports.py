# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening ports and who holds them, in every network namespace that something can be reached in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Tuple, Union

from ..core.model import Change, Observation, Rating, Value
from ..errors import CollectError
from ..host import Host
from ..proc import activation, codes, expected, hidden, listeners, owners, rating, seen
from ..proc.expected import ExpectedPort, PortRange
from ..proc.listeners import Ephemeral, Sight
from ..proc.owners import Found, Owner
from ..proc.seen import Counted
from ..tick.ports import OWNERS_FOR
from . import Check, Context, Stamp

_EPHEMERAL = "/proc/sys/net/ipv4/ip_local_port_range"
_NO_RANGE: Ephemeral = (1, 0)
_LOOK_AGAIN = OWNERS_FOR - 600
"""Two ticks before the owners of the last look count no more, so that they are never older than that."""


@dataclass(frozen=True)
class Options:
    """``checks.ports`` of the configuration."""

    enabled: bool = True
    expected: Tuple[Union[str, ExpectedPort], ...] = ()
    """Ports whose opening is nobody's business; a change of their owner stays an alert."""


def validate(options: Options) -> None:
    """Refuse an ``expected`` entry that names no port. Raises ValueError naming the entry."""
    _announced(options)


def _announced(options: Options) -> List[PortRange]:
    return [expected.parse(entry) for entry in options.expected]


def _collect(context: Context) -> Observation:
    users = owners.parse_passwd(context.host.read("/etc/passwd"))
    ephemeral = parse_ephemeral(_read_ephemeral(context.host))
    try:
        sight, held = _look(users, ephemeral)
    except OSError as exc:
        raise CollectError(f"cannot list listening sockets: {exc.strerror}; is /proc mounted?") from exc
    before = seen.Before.recall(context.memory, noted=context.noted)
    counted = seen.count(sight.found, held.owners, before=before)
    items, units = _activated(counted.items)
    items.update(hidden.items(sight.hidden))
    first = seen.first_owners(items, before.first, announced=_announced(context.options), accepted=context.baseline)
    memory = {
        "stamp": sight.digest(counted.known),
        "until": context.now + _LOOK_AGAIN if counted.settled else 0,
        "range": list(ephemeral),
        "known": sorted(counted.known),
        "waiting": sorted(counted.waiting),
        "ephemeral": sorted(list(holding) for holding in counted.passing),
        "first": first,
        "witnesses": _witnesses(sight, held, counted),
        "units": units,
    }
    return Observation("ok", items, signals=seen.takeovers(items, first, now=context.now), memory=memory)


def _activated(items: Mapping[str, Value]) -> Tuple[Dict[str, Value], List[str]]:
    """The items, and what was read to say which services systemd starts for them; nothing where it holds no port."""
    if not any(activation.is_held(key, value) for key, value in items.items()):
        return dict(items), []
    units, paths = activation.read()
    return activation.mark(items, units), paths


def _look(users: Mapping[int, str], ephemeral: Ephemeral) -> Tuple[Sight, Found]:
    held = Found({}, {})
    for threads in (False, True):
        # The second round is for sockets opened or closed meanwhile, and for threads with a file table of their own.
        sight = listeners.look(ephemeral)
        missing = {entry.inode for entry in sight.found} - set(held.owners)
        more = owners.find(missing, users, threads=threads)
        held = Found({**held.owners, **more.owners}, {**held.witnesses, **more.witnesses})
        if all(entry.inode in held.owners for entry in sight.found):
            break
    for entry in sight.found:
        nobody = Owner(owners.UNKNOWN, owners.UNKNOWN, owners.user_name(entry.uid, users))
        held.owners.setdefault(entry.inode, {nobody})
    return sight, held


def _witnesses(sight: Sight, held: Found, counted: Counted) -> List[List[Union[str, int]]]:
    """Of the sockets that count; where the program is not shown there is none."""
    inodes = {entry.inode for entry in sight.found if not entry.note or entry.note in counted.known}
    found = {inode: held.witnesses[inode] for inode in inodes & set(held.witnesses)}
    return [[one.path, inode, one.device, one.inode] for inode, one in sorted(found.items()) if one.inode]


def _read_ephemeral(host: Host) -> bytes:
    try:
        return host.read(_EPHEMERAL, limit=256)
    except CollectError:
        return b""  # Without it nothing counts as ephemeral, and every port is judged at once.


def parse_ephemeral(data: bytes) -> Ephemeral:
    """First and last port of ip(7) ``ip_local_port_range``; an empty range when the text is not two numbers."""
    fields = data.split()
    if len(fields) != 2 or not all(field.isdigit() for field in fields):
        return _NO_RANGE
    return max(int(fields[0]), listeners.LOWEST_EPHEMERAL), int(fields[1])


def rate(change: Change, options: Options) -> Rating:
    """Code, severity and title of a change. ``expected`` silences an opening, never a change of owner."""
    return rating.rate(change, _announced(options))


def stamps(options: Options, host: Host, memory: Mapping[str, Any]) -> Tuple[Stamp, ...]:
    """Every socket and its oldest holder, in all namespaces; all owners within the hour; where systemd holds a
    port, the folders and files of its socket units.

    Raises LookupError, TypeError, ValueError.
    """
    known, waiting = (tuple(bytes.fromhex(note) for note in memory[name]) for name in ("known", "waiting"))
    first, last = (int(port) for port in memory["range"])
    witnesses = tuple((str(path), int(inode), int(dev), int(exe)) for path, inode, dev, exe in memory["witnesses"])
    guests = ((first, last), known, waiting)
    seal = (bytes.fromhex(memory["stamp"]), int(memory["until"]), guests, witnesses)
    units = tuple(str(path) for path in memory["units"])
    return (("ports", seal), *((("stat", units),) if units else ()))


CHECK = Check(
    name="ports",
    about="Listening TCP, UDP, UDP-Lite, raw and packet sockets of every network namespace with a way out, "
    "and the programs that hold them",
    options=Options,
    columns={
        "bind": "Who can reach it: wildcard, public, private or loopback; wire for a packet socket.",
        "addresses": "The addresses it is bound to, for wildcard and loopback.",
        "owners": "Program (exe), systemd unit and user of each holder; unknown where the system does not show it.",
        "activates": "Of a port that systemd itself holds: the services it starts when somebody connects.",
        "reason": "Of a not_checked item: what could not be looked at, and the command that shows it.",
    },
    collect=_collect,
    rate=rate,
    stamps=stamps,
    live=True,
    validate=validate,
    settles_after_boot=True,
    sight=hidden.LOOKED_AT,
    codes=codes.CODES,
)
