# SPDX-License-Identifier: GPL-3.0-or-later
"""sudoers(5) as text -> rules, defaults and aliases, cut as sudo's own lexer (toke.l, gram.y) does. Pure."""

from __future__ import annotations

import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from .sudo_words import BLANK, Scanner, SudoersError

TAGS = frozenset(
    f"{no}{name}"
    for name in ("PASSWD", "EXEC", "SETENV", "FOLLOW", "LOG_INPUT", "LOG_OUTPUT", "MAIL", "INTERCEPT")
    for no in ("", "NO")
)
_OPTIONS = frozenset(("CWD", "CHROOT", "ROLE", "TYPE", "TIMEOUT", "NOTBEFORE", "NOTAFTER", "PRIVS", "LIMITPRIVS",
                      "APPARMOR_PROFILE"))  # fmt: skip
_ALIASES = {"User_Alias": "user", "Runas_Alias": "runas", "Host_Alias": "host", "Cmnd_Alias": "command",
            "Cmd_Alias": "command"}  # fmt: skip
_DIGEST = re.compile(r"sha(224|256|384|512)", re.ASCII)
_ALIAS_NAME = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)
_UID = re.compile(r"#-?[0-9]", re.ASCII)


class Rule(NamedTuple):
    """One command that somebody may run, or may not (``!``)."""

    who: str
    hosts: Tuple[str, ...]
    runas: str
    """``root`` where the line says nothing, ``ALL:ALL`` as it is written."""
    tags: Tuple[str, ...]
    """Tags and options in force, sorted."""
    command: str


class Default(NamedTuple):
    """One setting of a Defaults line; ``scope`` is empty or as written behind the word: ``:deploy``, ``>root``."""

    scope: str
    name: str
    text: str


class Alias(NamedTuple):
    """A name for several users, hosts, targets or commands."""

    kind: str
    name: str
    members: Tuple[str, ...]


class Include(NamedTuple):
    """Another file, or every file of a directory."""

    path: str
    directory: bool


Entry = Tuple[int, List[object]]
"""Number of a line and what it holds: rules, defaults, aliases, an include, or a ``SudoersError``."""


def parse(data: bytes) -> Iterator[Entry]:
    """What each line holds; one that cannot be understood holds the problem, and the rest goes on.

    Bytes outside UTF-8 are surrogates.
    """
    text = data.decode("utf-8", "surrogateescape").replace("\t", " ").replace("\r", " ")
    for number, line in _lines(text.split("\n")):
        try:
            found = list(_statement(line))
        except SudoersError as exc:
            found = [exc]
        if found:
            yield number, found


def _lines(lines: List[str]) -> Iterator[Tuple[int, str]]:
    """Logical lines with the number of their first, comments cut off."""
    held: List[str] = []
    start, quoted = 0, False
    for number, line in enumerate(lines, start=1):
        start = start or number
        text, quoted = _uncommented(line, quoted)
        # A comment ends at its line whatever stands at its end.
        if text == line and (len(text) - len(text.rstrip("\\"))) % 2:
            held.append(text[:-1])
            continue
        whole = " ".join([*held, text]).strip(BLANK)
        if whole:
            yield start, whole
        held, start, quoted = [], 0, False
    if held:
        yield start, " ".join(held).strip(BLANK)


def _uncommented(line: str, quoted: bool) -> Tuple[str, bool]:
    """A line without its comment, and whether a quote is open at its end."""
    if ("#" not in line and '"' not in line) or line.lstrip(BLANK).startswith(("#include ", "#includedir ")):
        return line, quoted
    at = 0
    while at < len(line):
        here = line[at]
        if here == "\\":
            at += 1
        elif here == '"':
            quoted = not quoted
        elif here == "#" and not quoted and not _UID.match(line, at):
            return line[:at], quoted
        at += 1
    return line, quoted


def _statement(line: str) -> Iterator[object]:
    first, _, rest = line.partition(" ")
    if first in ("@include", "#include", "@includedir", "#includedir"):
        yield Include(_path(rest.strip(BLANK)), first.endswith("dir"))
    elif first in _ALIASES:
        yield from _aliases(_ALIASES[first], Scanner(rest))
    elif line.startswith("Defaults") and (len(line) == 8 or line[8] in BLANK + "@:!>"):
        yield from _defaults(line[8:])
    else:
        yield from _specification(Scanner(line))


def _path(text: str) -> str:
    if text.startswith('"'):
        path, _, rest = text[1:].partition('"')
        if rest.strip(BLANK) or not path:
            raise SudoersError("a path in quotes was expected")
        return path
    path = re.sub(r"\\(.)", r"\1", text)
    if not path or re.search(r"(?<!\\)[ \t]", text):
        raise SudoersError("one path was expected")
    return path


def _aliases(kind: str, scanner: Scanner) -> Iterator[Alias]:
    while True:
        name = scanner.word()
        if not _ALIAS_NAME.fullmatch(name):
            raise SudoersError(f"the name of an alias was expected, not {name!r}")
        scanner.need("=")
        if kind == "command":
            members = tuple(rule.command for rule in _commands(scanner, who="", hosts=()))
        else:
            members = tuple(scanner.names())
        yield Alias(kind, name, members)
        if not scanner.take(":"):
            break
    if scanner.peek():
        raise SudoersError(f"nothing more was expected at {scanner.text[scanner.at : scanner.at + 20]!r}")


def _specification(scanner: Scanner) -> Iterator[Rule]:
    users = scanner.names()
    while True:
        hosts = tuple(scanner.names())
        scanner.need("=")
        for rule in _commands(scanner, who="", hosts=hosts):
            yield from (rule._replace(who=user) for user in users)
        if not scanner.take(":"):
            break
    if scanner.peek():
        raise SudoersError(f"nothing more was expected at {scanner.text[scanner.at : scanner.at + 20]!r}")


def _commands(scanner: Scanner, *, who: str, hosts: Tuple[str, ...]) -> Iterator[Rule]:
    """Commands up to the end of the list; target and tags hold on for those that follow."""
    runas, tags = "root", {}  # type: str, Dict[str, str]
    while True:
        if scanner.take("("):
            runas = _target(scanner)
        digests = _attributes(scanner, tags)
        yield Rule(who, hosts, runas, tuple(sorted(tags.values())), digests + _command(scanner))
        if not scanner.take(","):
            return


def _target(scanner: Scanner) -> str:
    inside = scanner.word(")")
    scanner.need(")")
    users, colon, groups = (re.sub(r"\s*,\s*", ",", part.strip(BLANK)) for part in inside.partition(":"))
    return f"{users}{colon}{groups}" if users or groups else "(the user)"


def _attributes(scanner: Scanner, tags: Dict[str, str]) -> str:
    """Tags and options before a command, noted in ``tags``; its digests are returned."""
    digests = ""
    while True:
        before = scanner.at
        word = scanner.word()
        if word in TAGS and scanner.take(":"):
            tags[word[2:] if word.startswith("NO") else word] = word
        elif word in _OPTIONS and scanner.take("="):
            tags[word] = f"{word}={scanner.word(BLANK)}"
        elif _DIGEST.fullmatch(word) and scanner.take(":"):
            digests += f"{word}:{scanner.word(BLANK + ',')} "
            scanner.take(",")
        else:
            scanner.at = before
            return digests


def _command(scanner: Scanner) -> str:
    negated = ""
    while scanner.take("!"):
        negated = "" if negated else "!"
    if scanner.peek() == "(":
        raise SudoersError("a command was expected, not '('")
    text = scanner.word(",:=").strip(BLANK)
    if not text:
        raise SudoersError(f"a command was expected at {scanner.text[scanner.at : scanner.at + 20]!r}")
    return negated + " ".join(text.split())


def _programs(scanner: Scanner) -> Iterator[str]:
    """Commands without arguments, as Defaults takes them."""
    yield scanner.word(BLANK + ",")
    while scanner.take(","):
        yield scanner.word(BLANK + ",")


def _defaults(text: str) -> Iterator[Default]:
    scanner = Scanner(text)
    scope = ""
    if text[:1] and text[0] in "@:!>":
        scanner.at = 1
        scope = text[0] + ",".join(_programs(scanner) if text[0] == "!" else scanner.names())
    while True:
        setting = scanner.word(",").strip(BLANK)
        found: Optional[re.Match[str]] = re.fullmatch(r"(!*)\s*(\w+)\s*((?:[+-]?=).*)?", setting, re.ASCII | re.DOTALL)
        if found is None:
            raise SudoersError(f"a setting was expected, not {setting[:40]!r}")
        value = re.sub(r"^([+-]?=)\s*", r"\1", found[3] or "")
        yield Default(scope, found[2], f"{'!' * (len(found[1]) % 2)}{found[2]}{value}")
        if not scanner.take(","):
            break
    if scanner.peek():
        raise SudoersError("nothing more was expected")
