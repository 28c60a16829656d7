# SPDX-License-Identifier: GPL-3.0-or-later
"""One raw line of a source split into time, program, process and message: syslog text or ``journalctl -o json``."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ..core.canonical import escape
from .times import from_microseconds

IDENTIFIERS = ("sshd", "sshd-session", "sshd-auth")
"""What OpenSSH 7 to 10 calls itself; anything else is not sshd."""

_SYSLOG = re.compile(
    rb"(?:<[0-9]{1,3}>)?"
    rb"(?:([A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2})"
    rb"|([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?)(Z|[+-][0-9]{2}:?[0-9]{2}))"
    rb" \S+ (sshd(?:-session|-auth)?)(?:\[([0-9]{1,10})\])?: (.*)"
)


class Line(NamedTuple):
    """One line sshd's name stands on."""

    time: str
    """RFC 3339 where the source has a year, else as logged (RFC 3164)."""
    identifier: str
    pid: Optional[int]
    message: Optional[bytes]
    """None where the journal gave none (a message over its limit)."""
    trusted: bool
    """Whether journald vouches that a process of root wrote it through syslog."""


def split(line: bytes) -> Optional[Line]:
    """A line without its newline; None when it is not sshd's or has no known shape."""
    if line[:1] == b"{":
        return _journal(line)
    found = _SYSLOG.fullmatch(line)
    if found is None:
        return None
    plain, dated, offset, identifier, pid, message = found.groups()
    time = plain.decode("ascii") if plain else _rfc3339(dated, offset)
    return Line(time, identifier.decode("ascii"), None if pid is None else int(pid), message, False)


def _rfc3339(dated: bytes, offset: bytes) -> str:
    zone = offset if len(offset) != 5 else offset[:3] + b":" + offset[3:]
    return (dated.replace(b",", b".") + zone).decode("ascii")


def _journal(line: bytes) -> Optional[Line]:
    # Most of a journal is not sshd's, and parsing JSON costs more than all the rest.
    if b'"sshd' not in line:
        return None
    try:
        record = json.loads(line, object_pairs_hook=_unique, parse_int=_small)
    except (ValueError, RecursionError):
        return None
    if type(record) is not dict or record.get("SYSLOG_IDENTIFIER") not in IDENTIFIERS:
        return None
    return Line(
        _realtime(record.get("__REALTIME_TIMESTAMP")),
        record["SYSLOG_IDENTIFIER"],
        _number(record.get("SYSLOG_PID", record.get("_PID"))),
        _message(record.get("MESSAGE")),
        vouched(record),
    )


def _unique(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    """journalctl writes a repeated field as one list; a key that stands twice is somebody else's work."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _small(text: str) -> int:
    """Numbers stand only in a message given as bytes; converting a long one would cost the square of its length."""
    return int(text) if len(text) <= 3 else -1


def vouched(record: Mapping[str, Any]) -> bool:
    """Whether no unprivileged sender and no container can have written a journal record.

    ``_UID`` and ``_TRANSPORT`` are journald's own word (systemd.journal-fields(7)); Docker's and podman's log
    drivers write as root with an identifier of the container's choosing, and always name the container.
    """
    return (
        record.get("_UID") == "0"
        and record.get("_TRANSPORT") == "syslog"
        and not any(name.startswith("CONTAINER_") for name in record)
    )


def _realtime(value: Any) -> str:
    if type(value) is str and value.isascii() and value.isdigit() and len(value) <= 17:
        return from_microseconds(int(value))
    return escape(str(value or "")[:40].encode("utf-8", "surrogatepass"))


def _number(value: Any) -> Optional[int]:
    return int(value) if type(value) is str and value.isascii() and value.isdigit() and len(value) <= 10 else None


def _message(value: Any) -> Optional[bytes]:
    if type(value) is str:
        return value.encode("utf-8", "surrogatepass")
    if type(value) is list and _is_bytes(value):
        return bytes(value)
    return None


def _is_bytes(value: List[Any]) -> bool:
    return all(type(entry) is int and 0 <= entry <= 255 for entry in value)
