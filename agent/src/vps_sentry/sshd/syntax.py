# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd_config(5) as text -> settings, Include and Match resolved in shape, nothing judged.

Words are cut as OpenSSH does (``argv_split`` of misc.c, ``strdelim`` before the first): both kinds of quotes,
backslashes, comments behind a setting. A Match in an included file ends with that file.
"""

from __future__ import annotations

import re
from typing import Callable, Iterator, List, NamedTuple, Tuple

from ..core.canonical import escape

DEPTH = 16
"""Most files within one another, as in sshd."""
_LINE = re.compile(rb'[ \t]*(?:"([^"]*)"|([^\s="]+))[ \t]*=?[ \t]*(.*)', re.DOTALL)
Condition = Tuple[str, ...]
"""The words behind one ``Match``."""
Include = Callable[[str], List[Tuple[str, bytes]]]
"""Pattern -> paths and contents of the files it names, in order."""


class SettingsError(ValueError):
    """A file that sshd would refuse; the message says where and why."""


class Setting(NamedTuple):
    """One line that sets something."""

    keyword: str
    """In lower case."""
    arguments: Tuple[str, ...]
    conditions: Tuple[Condition, ...]
    """What must all hold; none for what is said of everybody."""
    place: str
    """``/etc/ssh/sshd_config:12``."""


def words(text: bytes) -> List[str]:
    """The arguments behind a keyword. Raises SettingsError for a quote that is not closed."""
    found: List[str] = []
    at, end = 0, len(text)
    while True:
        while at < end and text[at : at + 1] in b" \t":
            at += 1
        if at >= end or text[at : at + 1] == b"#":
            return found
        word, at = _word(text, at)
        found.append(escape(word))


def _word(text: bytes, at: int) -> Tuple[bytes, int]:
    quote, word = b"", b""
    while at < len(text):
        here, after = text[at : at + 1], text[at + 1 : at + 2]
        if here == b"\\" and after and (after in b"'\"\\" or (not quote and after == b" ")):
            word += after
            at += 1
        elif not quote and here in b" \t":
            break
        elif not quote and here in b"'\"":
            quote = here
        elif quote and here == quote:
            quote = b""
        else:
            word += here
        at += 1
    if quote:
        raise SettingsError("a quote is not closed")
    return word, at


def settings(path: str, data: bytes, *, include: Include) -> List[Setting]:
    """Every setting of a file and of those it includes, in sshd's order. Raises SettingsError."""
    return list(_walk(path, data, include=include, outer=()))


def _walk(
    path: str, data: bytes, *, include: Include, outer: Tuple[Condition, ...], depth: int = 0
) -> Iterator[Setting]:
    if depth > DEPTH:
        raise SettingsError(f"{path}: included too deep")
    conditions = outer
    for number, line in enumerate(data.split(b"\n"), start=1):
        place = f"{path}:{number}"
        keyword, arguments = _cut(line, place)
        if keyword == "match":
            conditions = (*outer, arguments)
        elif keyword == "include":
            for pattern in arguments:
                for inner, content in include(pattern):
                    yield from _walk(inner, content, include=include, outer=conditions, depth=depth + 1)
        elif keyword:
            yield Setting(keyword, arguments, conditions, place)


def _cut(line: bytes, place: str) -> Tuple[str, Tuple[str, ...]]:
    """Keyword in lower case and arguments of one line; no keyword for an empty one and a comment."""
    found = _LINE.fullmatch(line.rstrip(b" \t\r\n\f"))
    if found is None or not (found[1] or found[2]) or (found[2] or b"").startswith(b"#"):
        return "", ()
    try:
        arguments = tuple(words(found[3]))
    except SettingsError as exc:
        raise SettingsError(f"{place}: {exc}") from exc
    keyword = escape(found[1] or found[2]).lower()
    if not arguments:
        raise SettingsError(f"{place}: {keyword} says nothing")
    return keyword, arguments
