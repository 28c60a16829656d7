# SPDX-License-Identifier: GPL-3.0-or-later
"""How a moved port is judged: code, severity and the sentence a person reads. Pure."""

from __future__ import annotations

import re
from typing import Iterable, List, Mapping, Optional

from ..core.model import Change, Rating, Severity, Value
from . import hidden, owners
from .expected import PortRange
from .keys import NOT_CHECKED, PACKET, Key, parse

_INTERPRETER = re.compile(
    r"(?:python|pypy|perl|ruby|lua|luajit|tclsh|php|node|nodejs|deno|bun|nc|ncat|netcat|socat|busybox"
    r"|sh|bash|dash|ash|ksh|mksh|zsh)[0-9.]*(?:[-.](?:x86_64|aarch64|openbsd|traditional|static|dbg|linux|gnu)[a-z0-9_.-]*)?"
)
_REACH = {
    "wildcard": "to the world",
    "public": "to the world on a public address",
    "private": "to a private network",
    "loopback": "on this machine only",
    "wire": "to whatever passes an interface",
}
_PUBLIC = ("wildcard", "public", "wire")
Holder = Mapping[str, str]


def rate(change: Change, announced: Iterable[PortRange]) -> Rating:
    """``announced`` silences an opening, never a change of owner."""
    if change.key.startswith(NOT_CHECKED):
        return hidden.rate(change)
    place = parse(change.key)
    before, after = holders(change.before), holders(change.after)
    reach = _REACH[place.bind]
    if change.change == "removed":
        return Rating(
            "port_closed", "info", f"{_name(place)} is no longer open {reach}; it was held by {_people(before)}"
        )
    awaited = any(entry.covers(place, held_by=after) for entry in announced)
    if change.change == "added":
        title = f"{_name(place)} opened {reach} by {_people(after)}"
        if awaited:
            return Rating("port_expected", "info", title)
        return Rating("port_opened", _opened(place, after), title)
    return _rate_moved(change, place, silent=awaited or place.bind not in _PUBLIC)


def _rate_moved(change: Change, place: Key, *, silent: bool) -> Rating:
    before, after = holders(change.before), holders(change.after)
    name = f"{_name(place)} (open {_REACH[place.bind]})"
    if _activated(change.before) != _activated(change.after) and change.before and change.after:
        was, now = (", ".join(_activated(value)) or "nothing" for value in (change.before, change.after))
        return Rating("port_owner_changed", "warning", f"{name}: systemd starts {now} for it; before: {was}")
    if strangers(change.before, change.after):
        return taken_over(place, before=before, after=after)
    if any(owner not in before for owner in after):
        return Rating("port_owner_changed", "info", f"{name} is now held by {_people(after)}, as systemd started it")
    if "addresses" in change.fields():
        title = f"{name} is now bound to {_addresses(change.after)}; before: {_addresses(change.before)}"
        return Rating("port_changed", "info" if silent else "warning", title)
    return Rating(
        "port_owner_changed", "info", f"{name} is now held by {_people(after)} alone; before: {_people(before)}"
    )


def strangers(before: Optional[Value], after: Optional[Value]) -> List[Holder]:
    """Who did not hold the port before, without the service that systemd starts for it when somebody connects.

    What that service runs is a matter of its unit's file; a program that looks like a backdoor stays a stranger.
    """
    known, started = holders(before), _activated(after)
    new = [owner for owner in holders(after) if owner not in known]
    return [owner for owner in new if owner["unit"] not in started or _is_suspicious(owner["exe"])]


def _activated(value: Optional[Value]) -> List[str]:
    units = (value or {}).get("activates")
    return [str(unit) for unit in units] if isinstance(units, list) else []


def taken_over(place: Key, *, before: List[Holder], after: List[Holder]) -> Rating:
    """Somebody who did not hold the port before holds it now."""
    new = [owner for owner in after if owner not in before]
    severity: Severity = "critical" if _opened(place, new) == "critical" else "warning"
    name = f"{_name(place)} (open {_REACH[place.bind]})"
    return Rating("port_owner_changed", severity, f"{name} has a new owner: {_people(new)}; before: {_people(before)}")


def _name(place: Key) -> str:
    port = f"0x{place.port:04x}" if place.protocol == PACKET else str(place.port)
    return f"{place.protocol}/{port}" + (f" in {place.space}" if place.space else "")


def _opened(place: Key, held_by: List[Holder]) -> Severity:
    if place.bind not in _PUBLIC:
        return "info"
    # In a container an interpreter is the program like any other; here the mark is what a forged mount leaves.
    mark = "" if place.space else owners.FOREIGN
    return "critical" if any(_is_suspicious(owner["exe"].replace(mark, "")) for owner in held_by) else "warning"


def _is_suspicious(exe: str) -> bool:
    name = exe.rsplit("/", 1)[-1]
    return exe.endswith(owners.DELETED) or exe.startswith("/memfd:") or _INTERPRETER.fullmatch(name) is not None


def holders(value: Optional[Value]) -> List[Holder]:
    """The owners of an item."""
    held_by = (value or {}).get("owners")
    return [owner for owner in held_by if isinstance(owner, dict)] if isinstance(held_by, list) else []


def _addresses(value: Optional[Value]) -> str:
    bound = (value or {}).get("addresses")
    return ", ".join(str(address) for address in bound) if isinstance(bound, list) else ""


def _people(held_by: List[Holder]) -> str:
    shown = [f"{owner['exe']} ({owner['unit']}, {owner['user']})" for owner in held_by[:3]]
    more = len(held_by) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
