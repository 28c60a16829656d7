# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of authorized_keys(5) -> keys with fingerprint and options, cut as sshd does (auth2-pubkeyfile.c). Pure."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error
from hashlib import sha256
from typing import Iterator, List, NamedTuple, Tuple

from ..core.canonical import escape

TYPES = frozenset(
    (
        *("ssh-rsa", "ssh-dss", "ssh-ed25519", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"),
        *("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-xmss@openssh.com"),
        *("webauthn-sk-ecdsa-sha2-nistp256@openssh.com", "ssh-mldsa44-ed25519@openssh.com"),
    )
)
_TYPE = re.compile(rb"(ssh|sk-ssh|sk-ecdsa|ecdsa|webauthn|rsa|ed25519)[A-Za-z0-9@.+-]*", re.ASCII)
_COMMENT, _OPTION = 120, 200
_LINES, _KEYS = 5000, 1000


class Key(NamedTuple):
    """One key that lets somebody in."""

    kind: str
    fingerprint: str
    """``SHA256:...`` as ``ssh-keygen -l`` shows it."""
    options: Tuple[str, ...]
    comment: str
    """What its owner calls it; nobody has checked that."""


class Keys(NamedTuple):
    """What a file holds."""

    found: List[Key]
    odd: int
    """How many lines are neither key nor comment. They are never shown: a link may lead to any file."""
    more: bool
    """Whether there are more lines than were read."""


def parse(data: bytes) -> Keys:
    """The keys of a file, of the first thousands of its lines: whoever owns it may write as much as he likes."""
    found: List[Key] = []
    odd = 0
    lines = data.split(b"\n", _LINES)
    for raw in lines[:_LINES]:
        line = raw.strip(b" \t\r\0")
        if not line or line.startswith(b"#"):
            continue
        try:
            found.append(_key(line))
        except ValueError:
            odd += 1
    return Keys(found[:_KEYS], odd, len(lines) > _LINES or len(found) > _KEYS)


def _key(line: bytes) -> Key:
    """Raises ValueError for what is no key, with or without options."""
    options: Tuple[bytes, ...] = ()
    kind, _, rest = line.partition(b" ")
    if not (_TYPE.fullmatch(kind) and _is_blob(rest)):
        text, rest = _cut_options(line)
        options = tuple(_split(text))
        kind, _, rest = rest.lstrip(b" \t").partition(b" ")
        if not _TYPE.fullmatch(kind):
            raise ValueError("no type of key")
    words = rest.strip(b" \t").split(None, 1)
    blob = _blob(words[0] if words else b"")
    if blob[4 : 4 + int.from_bytes(blob[:4], "big")] != kind:
        raise ValueError("the key is of another type than it says")
    fingerprint = "SHA256:" + b64encode(sha256(blob).digest()).decode("ascii").rstrip("=")
    comment = escape(words[1][:_COMMENT]) if len(words) > 1 else ""
    return Key(escape(kind), fingerprint, tuple(_shown(option) for option in options), comment)


def _is_blob(rest: bytes) -> bool:
    words = rest.split(None, 1)
    try:
        return bool(words) and len(_blob(words[0])) > 4
    except ValueError:
        return False


def _blob(text: bytes) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (Error, ValueError) as exc:
        raise ValueError("not base64") from exc


def _cut_options(line: bytes) -> Tuple[bytes, bytes]:
    """Options end at the first blank outside quotes; a backslash before a quote does not end it."""
    quoted, at = False, 0
    while at < len(line) and (quoted or line[at : at + 1] not in b" \t"):
        if line[at : at + 2] == b'\\"':
            at += 1
        elif line[at : at + 1] == b'"':
            quoted = not quoted
        at += 1
    return line[:at], line[at:]


def _split(text: bytes) -> Iterator[bytes]:
    quoted, start, at = False, 0, 0
    while at < len(text):
        here = text[at : at + 1]
        if text[at : at + 2] == b'\\"':
            at += 1
        elif here == b'"':
            quoted = not quoted
        elif here == b"," and not quoted:
            yield text[start:at]
            start = at + 1
        at += 1
    yield text[start:]


def _shown(option: bytes) -> str:
    name, equals, value = option.partition(b"=")
    text = name.lower() + equals + value
    if len(text) <= _OPTION:
        return escape(text)
    return f"{escape(text[:_OPTION])}... ({sha256(text).hexdigest()[:12]})"
