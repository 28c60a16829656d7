# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit files and their kin as systemd reads them (systemd.syntax(7)): sections, settings, what resets what. Pure."""

from __future__ import annotations

import re
from typing import Dict, Iterable, Iterator, List, Tuple

Setting = Tuple[bytes, bytes, bytes]
"""Section, name and value."""
Settings = Dict[Tuple[bytes, bytes], List[bytes]]
"""What holds in the end, by section and name."""
_WORD = re.compile(rb"""((?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'])+)|(\S+)""")
_BOM = b"\xef\xbb\xbf"
_LISTENS = (
    *(b"ListenStream", b"ListenDatagram", b"ListenSequentialPacket", b"ListenFIFO", b"ListenSpecial"),
    *(b"ListenNetlink", b"ListenMessageQueue", b"ListenUSBFunction"),
)
_TIMES = (b"OnCalendar", b"OnActiveSec", b"OnBootSec", b"OnStartupSec", b"OnUnitActiveSec", b"OnUnitInactiveSec")
_PATHS = (b"PathExists", b"PathExistsGlob", b"PathChanged", b"PathModified", b"DirectoryNotEmpty")
# An empty assignment to one of a family forgets all of them (systemd.socket(5), systemd.timer(5), systemd.path(5)).
_FAMILIES = {name: family for family in (_LISTENS, _TIMES, _PATHS) for name in family}


def parse(data: bytes) -> Iterator[Setting]:
    """Every assignment, in order. Lines of no section, and what is no assignment, are ignored as systemd does."""
    section, held = b"", b""
    for raw in data[len(_BOM) if data.startswith(_BOM) else 0 :].split(b"\n"):
        text = raw.strip()
        if text[:1] in (b"#", b";") or not (text or held):
            continue
        if text.endswith(b"\\"):
            held += text[:-1] + b" "
            continue
        text, held = held + text, b""
        if text.startswith(b"["):
            section = text[1:-1] if text.endswith(b"]") else b""
            continue
        name, equals, value = text.partition(b"=")
        if section and equals:
            yield section, name.strip(), value.strip()


def settle(texts: Iterable[bytes]) -> Settings:
    """A file and its drop-ins, in that order: lists grow, an empty assignment empties them."""
    found: Settings = {}
    for text in texts:
        for section, name, value in parse(text):
            if value:
                found.setdefault((section, name), []).append(value)
                continue
            for other in _FAMILIES.get(name, (name,)):
                found.pop((section, other), None)
    return found


def words(value: bytes) -> List[bytes]:
    """The words of a value, quotes taken off."""
    return [(found[1] or found[2]).replace(b'"', b"").replace(b"'", b"") for found in _WORD.finditer(value)]
