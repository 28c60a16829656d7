# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole log summed up, several times faster than line by line and with the same result.

One pattern takes the ordinary lines out of a block at once. Of a line that names a user it keeps the message up to
the port, so that equal ones are counted and the exact parser is asked once what they all say: another port, pid or
second never changes the event. Whatever the pattern does not take, it leaves for the exact way, line by line.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import BinaryIO, Dict, List, Optional, Tuple

from .addresses import address
from .blocks import LONGEST_LINE, blocks
from .lines import split
from .messages import Event, parse, said_by_nobody
from .summary import Summary

_DIGITS = rb"[0-9][0-9]"
# Digits one by one: repeat counts cost the pattern a third of its speed.
_TIME = (
    rb"(?:[A-Z][a-z][a-z] [ 0-9][0-9] HH:HH:HH"
    rb"|HHHH-HH-HHTHH:HH:HH[.][0-9]{6}[+-]HH:HH)"
).replace(b"HH", _DIGITS)  # fmt: skip
_HEAD = rb"\n" + _TIME + rb" \S{1,255} sshd(?:-session|-auth)?\[[0-9]{1,10}\]: "
_NAME = rb"[A-Za-z0-9_.-]{1,64}"
_ADDRESS = rb"[0-9A-Fa-f.:]{2,45}"
# Below 65000, so that no port is too high: those few above go the exact way.
_PORT = rb"(?: port (?:[1-5]?[0-9][0-9]?[0-9]?[0-9]?|6[0-4][0-9][0-9][0-9]))"
_GONE = rb"(?:Connection (?:closed|reset) by|Disconnected from) "
_USUAL = ("pam_", "Received disconnect ", "input_userauth_request: ", "PAM ", "reverse mapping checking ")


def _others() -> bytes:
    """Openings of what matters to nothing: the usual ones first, the rest by initial, so that few are tried."""
    found: Dict[str, List[str]] = {}
    for opening in said_by_nobody():
        if opening not in _USUAL:
            found.setdefault(opening[0], []).append(re.escape(opening[1:]))
    rest = [f"{re.escape(initial)}(?:{'|'.join(ends)})" for initial, ends in found.items()]
    return "|".join([*map(re.escape, _USUAL), *rest, "error: (?!maximum )"]).encode("ascii")


_ORDINARY = re.compile(
    _HEAD
    + rb"(?:(?:" + _others() + rb")[^\n]{0,60000}"
    + rb"|(Failed (?:password|none|keyboard-interactive/pam) for (?:invalid user )?"
    + _NAME + rb" from " + _ADDRESS + rb")" + _PORT + rb" ssh2"
    + rb"|(Invalid user " + _NAME + rb" from " + _ADDRESS + rb")" + _PORT + rb"?"
    + rb"|(" + _GONE + rb"(?:(?:invalid|authenticating) user " + _NAME + rb" )?" + _ADDRESS + rb")"
    + _PORT + rb"? \[preauth\]"
    + rb")(?=\n)"
)  # fmt: skip
# What stands after the address of each group above; any port says the same.
_ANYWHERE = b" 192.0.2.1"
_TAILS = (b" port 1 ssh2", b" port 1", b" port 1 [preauth]")
_OTHER = Event("other")
DISTINCT = 2_048
"""Most different messages kept before the exact parser is asked about them."""


def scan(stream: BinaryIO) -> Summary:
    """Read ``stream`` (syslog text or ``journalctl -o json``) to its end."""
    summary = Summary()
    step = len(_TAILS) + 1
    heads: Tuple[Counter[bytes], ...] = tuple(Counter() for _ in _TAILS)
    taken = 0
    for block in blocks(stream.read):
        summary.lines += block.count(b"\n") - 1
        pieces = _ORDINARY.split(block)
        taken += len(pieces) // step
        for group, counter in enumerate(heads, 1):
            counter.update(filter(None, pieces[group::step]))
        rest = b"".join(pieces[::step])
        if b"sshd" in rest or len(rest) > LONGEST_LINE:
            for line in rest.split(b"\n"):
                _exact(line, summary)
        if sum(map(len, heads)) > DISTINCT:
            taken -= _drain(heads, summary)
    taken -= _drain(heads, summary)
    if taken:
        summary.add(_OTHER, taken)
    return summary


def _drain(heads: Tuple[Counter[bytes], ...], summary: Summary) -> int:
    """Ask the exact parser what the lines counted so far say; returns how many they were.

    The address is one word at the end, so what stands before it says the same of every address.
    """
    done = 0
    for counter, tail in zip(heads, _TAILS):
        lines: Dict[bytes, int] = {}
        places: Dict[bytes, List[Tuple[bytes, int]]] = {}
        for head, count in counter.items():
            start, _, where = head.rpartition(b" ")
            if start in lines:
                lines[start] += count
                places[start].append((where, count))
            else:
                lines[start] = count
                places[start] = [(where, count)]
        for start, count in lines.items():
            done += count
            _add(parse(start + _ANYWHERE + tail), count, places[start], summary)
        counter.clear()
    return done


def _add(event: Optional[Event], count: int, places: List[Tuple[bytes, int]], summary: Summary) -> None:
    if event is None:
        summary.unrecognised += count
        return
    summary.add(event, count)
    if event.attempts:
        for where, times in places:
            summary.add_place(address(where), event.attempts * times)


def _exact(raw: bytes, summary: Summary) -> None:
    if len(raw) > LONGEST_LINE:
        summary.overlong += 1
        return
    line = split(raw) if b"sshd" in raw else None
    if line is None:
        return
    event = None if line.message is None else parse(line.message)
    if event is None:
        summary.unrecognised += 1
    elif event.login:
        summary.add_login(event, line.time, trusted=line.trusted)
    else:
        summary.add(event)
        summary.add_place(event.address, event.attempts)
