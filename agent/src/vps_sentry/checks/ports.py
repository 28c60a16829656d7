# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening ports and who holds them, in the network namespace the agent itself runs in; others are not looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple, Union

from ..core.model import Change, Observation, Rating, Severity, Value
from ..errors import CollectError
from ..host import Host
from ..proc import addresses, codes, expected, owners
from ..proc.expected import ExpectedPort
from ..proc.owners import Owner
from ..tick import sockets
from . import Check, Context, Stamp

_EPHEMERAL = "/proc/sys/net/ipv4/ip_local_port_range"
_INTERPRETER = re.compile(
    r"(?:python|pypy|perl|ruby|lua|luajit|tclsh|php|node|nodejs|deno|bun|nc|ncat|netcat|socat|busybox"
    r"|sh|bash|dash|ash|ksh|mksh|zsh)[0-9.]*(?:[-.](?:x86_64|aarch64|openbsd|traditional|static|dbg|linux|gnu)[a-z0-9_.-]*)?"
)
_REACH = {
    "wildcard": "to the world",
    "public": "to the world on a public address",
    "private": "to a private network",
    "loopback": "on this machine only",
}
_PUBLIC = ("wildcard", "public")


@dataclass(frozen=True)
class Options:
    """``checks.ports`` of the configuration."""

    enabled: bool = True
    expected: Tuple[Union[str, ExpectedPort], ...] = ()
    """Ports whose opening is nobody's business; a change of their owner stays an alert."""


def validate(options: Options) -> None:
    """Refuse an ``expected`` entry that names no port. Raises ValueError naming the entry."""
    for entry in options.expected:
        expected.parse(entry)


def _collect(context: Context) -> Observation:
    users = owners.parse_passwd(context.host.read("/etc/passwd"))
    try:
        found, held = _look(users)
    except OSError as exc:
        raise CollectError(f"cannot list listening sockets: {exc.strerror}; is /proc mounted?") from exc
    ephemeral = parse_ephemeral(_read_ephemeral(context.host))
    return observe(found, held, seen=seen_before(context.memory), ephemeral=ephemeral)


def _look(users: Mapping[int, str]) -> Tuple[List[sockets.Listener], Dict[int, Set[Owner]]]:
    held: Dict[int, Set[Owner]] = {}
    for threads in (False, True):
        # The second round is for sockets opened or closed meanwhile, and for threads with a file table of their own.
        found = sockets.listeners()
        held.update(owners.find({entry[5] for entry in found} - set(held), users, threads=threads))
        if all(entry[5] in held for entry in found):
            break
    for _, _, _, _, uid, inode in found:
        held.setdefault(inode, {Owner(owners.UNKNOWN, owners.UNKNOWN, owners.user_name(uid, users))})
    return found, held


def _read_ephemeral(host: Host) -> bytes:
    try:
        return host.read(_EPHEMERAL, limit=256)
    except CollectError:
        return b""  # Without it nothing counts as ephemeral, and every port is judged at once.


def parse_ephemeral(data: bytes) -> range:
    """The ports of ip(7) ``ip_local_port_range``; empty when the text is not two numbers."""
    fields = data.split()
    if len(fields) != 2 or not all(field.isdigit() for field in fields):
        return range(0)
    return range(int(fields[0]), int(fields[1]) + 1)


_Holding = Tuple[str, str, str, str]
"""Item key, exe, unit, user."""


def seen_before(memory: Mapping[str, Any]) -> Set[_Holding]:
    """Who held ephemeral ports in the last run, from this check's memory."""
    return {(key, exe, unit, user) for key, exe, unit, user in memory.get("ephemeral", [])}


def observe(
    found: List[sockets.Listener], held: Mapping[int, Set[Owner]], *, seen: Set[_Holding], ephemeral: range
) -> Observation:
    """Listening sockets and their owners (by inode) as items; pure.

    ``seen`` is who held UDP ports of the ``ephemeral`` range in the last run: others have no item yet.
    """
    bound: Dict[str, Set[str]] = {}
    holders: Dict[str, Set[Owner]] = {}
    passing: Set[_Holding] = set()
    for protocol, _, packed, port, _, inode in found:
        address = addresses.unwrap(packed)
        bind = addresses.classify(address)
        key = f"{protocol}:{port}:{bind}"
        now = set(held[inode])
        if protocol.startswith("udp") and port in ephemeral:
            holdings = {(key, owner.exe, owner.unit, owner.user) for owner in now}
            passing |= holdings
            now = {Owner(*holding[1:]) for holding in holdings & seen}
        if now:
            bound.setdefault(key, set()).add(addresses.text(address))
            holders.setdefault(key, set()).update(now)
    items = {key: _value(key, bound[key], holders[key]) for key in sorted(bound)}
    return Observation(
        "ok", items, memory={"ephemeral": [list(entry) for entry in sorted(passing)], "settled": passing <= seen}
    )


def _value(key: str, bound: Set[str], holders: Set[Owner]) -> Value:
    bind = key.rsplit(":", 1)[1]
    return {
        "bind": bind,
        # Public and private addresses are each host's own: hosts are compared by the class alone.
        "addresses": sorted(bound) if bind in ("wildcard", "loopback") else [],
        "owners": [{"exe": owner.exe, "unit": owner.unit, "user": owner.user} for owner in sorted(holders)],
    }


def rate(change: Change, options: Options) -> Rating:
    """Code, severity and title of a change. ``expected`` silences an opening, never a change of owner."""
    protocol, port, bind = change.key.split(":")
    name = f"{protocol}/{port}"
    before, after = _owners(change.before), _owners(change.after)
    if change.change == "removed":
        return Rating(
            "port_closed", "info", f"{name} is no longer open {_REACH[bind]}; it was held by {_people(before)}"
        )
    awaited = any(expected.parse(entry).covers(protocol, int(port), held_by=after) for entry in options.expected)
    if change.change == "added":
        title = f"{name} opened {_REACH[bind]} by {_people(after)}"
        return Rating("port_expected", "info", title) if awaited else Rating("port_opened", _opened(bind, after), title)
    return _rate_moved(change, f"{name} (open {_REACH[bind]})", silent=awaited or bind not in _PUBLIC)


def _rate_moved(change: Change, name: str, *, silent: bool) -> Rating:
    before, after = _owners(change.before), _owners(change.after)
    new = [owner for owner in after if owner not in before]
    if new:
        severity: Severity = "critical" if _opened(change.key.rsplit(":", 1)[1], new) == "critical" else "warning"
        title = f"{name} has a new owner: {_people(new)}; before: {_people(before)}"
        return Rating("port_owner_changed", severity, title)
    if "addresses" in change.fields():
        title = f"{name} is now bound to {_addresses(change.after)}; before: {_addresses(change.before)}"
        return Rating("port_changed", "info" if silent else "warning", title)
    return Rating(
        "port_owner_changed", "info", f"{name} is now held by {_people(after)} alone; before: {_people(before)}"
    )


def _opened(bind: str, held_by: List[Mapping[str, str]]) -> Severity:
    if bind not in _PUBLIC:
        return "info"
    return "critical" if any(_is_suspicious(owner["exe"]) for owner in held_by) else "warning"


def _is_suspicious(exe: str) -> bool:
    name = exe.rsplit("/", 1)[-1]
    return exe.endswith(owners.DELETED) or exe.startswith("/memfd:") or _INTERPRETER.fullmatch(name) is not None


def _owners(value: Optional[Value]) -> List[Mapping[str, str]]:
    held_by = (value or {}).get("owners")
    return [owner for owner in held_by if isinstance(owner, dict)] if isinstance(held_by, list) else []


def _addresses(value: Optional[Value]) -> str:
    bound = (value or {}).get("addresses")
    return ", ".join(str(address) for address in bound) if isinstance(bound, list) else ""


def _people(held_by: List[Mapping[str, str]]) -> str:
    shown = [f"{owner['exe']} ({owner['unit']}, {owner['user']})" for owner in held_by[:3]]
    more = len(held_by) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def stamps(options: Options, host: Host, memory: Mapping[str, Any]) -> Tuple[Stamp, ...]:
    """The sockets themselves; as long as one waits for its second look, no tick is quiet."""
    return (("sockets", () if memory.get("settled", True) else (False,)),)


CHECK = Check(
    name="ports",
    about="Listening TCP, UDP, UDP-Lite and raw sockets of this network namespace, and the programs that hold them",
    options=Options,
    columns={
        "bind": "Who can reach it: wildcard, public, private or loopback.",
        "addresses": "The addresses it is bound to, for wildcard and loopback.",
        "owners": "Program (exe), systemd unit and user of each holder; unknown where the system does not show it.",
    },
    collect=_collect,
    rate=rate,
    stamps=stamps,
    live=True,
    validate=validate,
    codes=codes.CODES,
)
