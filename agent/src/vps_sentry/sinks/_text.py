# SPDX-License-Identifier: GPL-3.0-or-later
"""Host text made safe and short for the people it is shown to."""

from __future__ import annotations

import re
from collections import Counter
from typing import Callable, List, Sequence

from ..core import canonical
from ..core.model import SEVERITIES, Alert
from . import Message

STATES = {"open": "", "changed": " changed", "resolved": " resolved"}
_TITLE, _DETAIL, _PLACE = 200, 600, 300

_MARKDOWN = re.compile(r"[\\`*_~|<>\[\]()@#:]")
_LINE_START = re.compile(r"^([ \t]*(?:[0-9]{1,9}(?=\.))?)([-+.])(?=\s|$)", re.MULTILINE)
_UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9._-]", re.ASCII)


def attachment_name(message: Message) -> str:
    """``vps-sentry-HOST-TIME.json``; what is no letter, digit, dot, hyphen or underscore becomes ``_``."""
    host = _UNSAFE_IN_NAME.sub("_", message.host)[:64]
    time = _UNSAFE_IN_NAME.sub("_", message.time.replace(":", ""))[:40]
    return f"vps-sentry-{host}-{time}.json"


def printable(text: str) -> str:
    """``text`` with whatever is not printable, line ends aside, as ``\\xHH``."""
    return "".join(char if char.isprintable() or char == "\n" else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return canonical.escape(char.encode("utf-8", "surrogatepass"))


def markdown(text: str) -> str:
    """``text`` as Markdown that shows exactly it: no style, link, mention, emoji, quote, heading or list."""
    escaped = _MARKDOWN.sub(r"\\\g<0>", printable(text))
    return _LINE_START.sub(r"\1\\\2", escaped)


def one_line(text: str) -> str:
    """``printable`` with line ends escaped as well: nobody begins a line of ours."""
    return printable(text).replace("\n", "\\x0a")


def counts(alerts: Sequence[Alert]) -> str:
    """Such as ``1 critical, 2 warning, 1 resolved``."""
    resolved = sum(alert.state == "resolved" for alert in alerts)
    found = Counter(alert.severity for alert in alerts if alert.state != "resolved")
    words = [f"{found[severity]} {severity}" for severity in reversed(SEVERITIES) if found[severity]]
    if resolved:
        words.append(f"{resolved} resolved")
    return ", ".join(words) or "no alerts"


def headline(message: Message) -> str:
    """The message in one line of plain text of at most 300 units."""
    test = "TEST, nothing happened: " if message.test else ""
    return f"{test}{clip(message.host, 200, escape=one_line)}: {counts(message.alerts)}"


def listing(message: Message, *, limit: int, where: str) -> str:
    """Note and alerts as plain text of at most ``limit`` (4,000 or more) bytes; what does not fit is counted.

    Details are indented, so that no text of a host can pass for a line of ours.
    """
    head = [clip(message.note, _DETAIL, where=where, escape=one_line)] if message.note else []
    room = limit - _size(head) - 100
    blocks: List[str] = []
    for alert in message.alerts:
        block = _block(alert, where)
        room -= _size([block])
        if room < 0:
            break
        blocks.append(block)
    rest = len(message.alerts) - len(blocks) + message.left_out
    return "\n\n".join([*head, *blocks, *([f"… and {rest} more{where}"] if rest else [])])


def _block(alert: Alert, where: str) -> str:
    title = clip(alert.title, _TITLE, escape=one_line)
    detail = clip(alert.detail, _DETAIL, where=where, escape=lambda text: printable(text).replace("\n", "\n    "))
    place = clip(f"{alert.check} · {alert.key} · {alert.id}", _PLACE, escape=one_line)
    return f"{alert.severity.upper()}{STATES[alert.state]}: {title}\n    {detail}\n    {place}"


def _size(texts: Sequence[str]) -> int:
    return sum(len(text.encode("utf-8")) + 2 for text in texts)


def width(text: str) -> int:
    """Length in UTF-16 units, the most that a receiver counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def clip(text: str, limit: int, *, where: str = "", escape: Callable[[str], str] = markdown) -> str:
    """``text``, escaped, in at most ``limit`` units; what is left out is counted, ``where`` says where to find it."""
    # No escape shortens a text, so what lies beyond the limit is never shown.
    whole = escape(text[: limit + 1])
    if len(text) <= limit and width(whole) <= limit:
        return whole
    room = limit - width(_more(len(text), where))
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if width(escape(text[:middle])) <= room:
            low = middle
        else:
            high = middle - 1
    return escape(text[:low]) + _more(len(text) - low, where)


def _more(count: int, where: str) -> str:
    return f" … and {count} more characters{where}"
