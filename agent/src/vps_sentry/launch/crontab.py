# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of cron(8) and anacron(8), and scripts of at(1), as these programs read them. Pure."""

from __future__ import annotations

import re
from typing import Iterator, List, NamedTuple, Tuple, Union

_VARIABLE = re.compile(rb"""(?:"([^"]*)"|'([^']*)'|([^\s=*@]+))\s*=\s*(.*)""", re.DOTALL)
_FIELD = rb"[0-9A-Za-z*/,~?-]+"
_TIMES = rb"-?@(?:reboot|yearly|annually|monthly|weekly|daily|midnight|hourly)|" + rb"[ \t]+".join((_FIELD,) * 5)
_JOB = re.compile(rb"(" + _TIMES + rb")[ \t]+(.+)", re.DOTALL)
_SYSTEM_JOB = re.compile(rb"(" + _TIMES + rb")[ \t]+(\S+)[ \t]+(.+)", re.DOTALL)
_ANACRON = re.compile(rb"([0-9]+|@\w+)[ \t]+([0-9]+)[ \t]+(\S+)[ \t]+(.+)", re.DOTALL)
AT_NAME = re.compile(rb"[A-Za-z=]([0-9a-f]{5})([0-9a-f]{8})", re.ASCII)
"""Queue (``=`` while it runs), number, and time in minutes since the epoch."""
_AT_OWNER = re.compile(rb"# atrun uid=([0-9]{1,10}) gid=([0-9]{1,10})")
# at(1) puts a backslash before whatever a shell would not take as it is.
_AT_SET = re.compile(rb"([A-Za-z_]\w*)=((?:\\.|[\w%+,\-./:=@])*); export \1")
_AT_FRAME = re.compile(
    rb"umask [0-7]+|cd (?:\\.|[\w%+,\-./:=@])* \|\| \{|\s+echo 'Execution directory inaccessible' >&2|\s+exit 1|\}"
    rb'|\s+echo "Execution directory inaccessible" >&2'
)
_AT_HERE = re.compile(rb"\$\{SHELL:-/bin/sh\} << '?(\w+)'?")


class Job(NamedTuple):
    """One line that runs something. ``user`` is empty where the table's owner is meant."""

    when: bytes
    user: bytes
    command: bytes


class Variable(NamedTuple):
    """One line that sets something for the jobs behind it."""

    name: bytes
    value: bytes


class Malformed(NamedTuple):
    """One line that cron understands as neither."""

    text: bytes


Line = Union[Job, Variable, Malformed]


def parse(data: bytes, *, system: bool) -> Iterator[Line]:
    """The lines of a crontab(5); ``system``: of one whose sixth field is a user."""
    for text in _lines(data):
        found = (_SYSTEM_JOB if system else _JOB).fullmatch(text)
        if found:
            user = found[2] if system else b""
            yield Job(b" ".join(found[1].split()), user, found[3 if system else 2].strip())
        else:
            yield _variable(text)


def parse_anacron(data: bytes) -> Iterator[Tuple[Line, bytes]]:
    """The lines of an anacrontab(5), each with the job's name."""
    for text in _lines(data):
        found = _ANACRON.fullmatch(text)
        if found:
            days = found[1] if found[1].startswith(b"@") else b"every %d days" % int(found[1][:9])
            yield Job(days + b", %d minutes after the start" % int(found[2][:9]), b"root", found[4].strip()), found[3]
        else:
            yield _variable(text), b""


def _lines(data: bytes) -> Iterator[bytes]:
    for raw in data.split(b"\n"):
        text = raw.strip(b" \t\r")
        if text and not text.startswith(b"#"):
            yield text


def _variable(text: bytes) -> Line:
    found = _VARIABLE.fullmatch(text)
    if not found:
        return Malformed(text)
    value = found[4].strip()
    if len(value) > 1 and value[:1] in (b'"', b"'") and value[:1] == value[-1:]:
        value = value[1:-1]
    return Variable(found[1] or found[2] or found[3] or b"", value)


class AtJob(NamedTuple):
    """What a script of at(1) does. ``uid`` is -1 where it does not say."""

    uid: int
    variables: Tuple[Tuple[bytes, bytes], ...]
    commands: Tuple[bytes, ...]


def parse_at(data: bytes) -> AtJob:
    """Its owner, the environment it was given and its own lines, without what at(1) puts around them."""
    lines = data.split(b"\n")
    owner = next((found for found in map(_AT_OWNER.fullmatch, lines[:5]) if found), None)
    sets = tuple((found[1], found[2].replace(b"\\", b"")) for found in map(_AT_SET.fullmatch, lines) if found)
    return AtJob(int(owner[1]) if owner else -1, sets, tuple(_commands(lines)))


def _commands(lines: List[bytes]) -> Iterator[bytes]:
    here = b""
    for line in lines:
        found = _AT_HERE.fullmatch(line)
        if found and not here:
            here = found[1]
            continue
        # Inside of the part that is handed to a shell nothing is at's own.
        own = not here and (_AT_FRAME.fullmatch(line) or _AT_SET.fullmatch(line))
        if line.strip() and line != here and not own and not line.startswith(b"#"):
            yield line.strip()
