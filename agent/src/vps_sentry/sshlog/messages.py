# SPDX-License-Identifier: GPL-3.0-or-later
"""What one message of sshd says, read the way that leaves an attacker's text no say in it.

Formats are those of OpenSSH 7 to 10: auth.c (auth_log, auth_maxtries_exceeded), packet.c (sshpkt_vfatal),
sshd.c and srclimit.c (drop connection), log.c (``[preauth]``). The user name is the client's text and stands
before the address; a certificate's key id and a reason for leaving are the client's text and stand after it.
So a name ends at the *last* address that the fixed tail allows, and where text from the client can stand on
both sides and two readings remain, user and address are None.
"""

from __future__ import annotations

import re
from typing import Callable, Dict, NamedTuple, Optional, Tuple

from ..core.canonical import escape
from .addresses import address as parse_address
from .openings import OPENINGS


class Event(NamedTuple):
    """One recognised message; the fields are those of ``vps-sentry auth`` (docs/contracts.md section 2)."""

    event: str
    """failed, invalid_user, accepted, max_attempts, preauth_disconnect or other."""
    user: Optional[str] = None
    """As sshd logged it, made printable by ``canonical.escape``."""
    address: Optional[str] = None
    port: Optional[int] = None
    method: Optional[str] = None
    key: Optional[str] = None
    """Fingerprint of the key used; of a certificate, that of its own key."""
    login: bool = False
    attempts: int = 0
    what: str = ""
    """A finer word the checks need: ``penalty``, or ``named`` for a preauth disconnect of a named user."""


Parser = Callable[[bytes], Optional[Event]]

HIGHEST_PORT = 65_535
CUT = 500
"""sshd hands syslog no more bytes of a message (log.c); a name can be made so long that its own end stands last."""
_PROBES = (b"publickey", b"none")
_PORT = rb" port ([0-9]{1,5})"
_WHERE = rb" from (\S+)" + _PORT
_WHO = rb"(?:authenticating|invalid) user "
_KEY = re.compile(rb"\S+ (SHA(?:256|384|512):[A-Za-z0-9+/=]+|(?:MD5:)?[0-9a-f]{2}(?::[0-9a-f]{2}){15})(?=[ ,]|\Z)")
# Nearly all failures: a name without spaces, which leaves one reading only.
_FAILED_PLAIN = re.compile(rb"Failed (password|none) for (?:invalid user )?([A-Za-z0-9_.-]+)" + _WHERE + rb" ssh2")
_FAILED = re.compile(rb"Failed (\S+) for (?:invalid user )?(.*)" + _WHERE + rb"(?: ssh2)?")
_FAILED_KEY = re.compile(rb"Failed (\S+) for (?:invalid user )?(.*?)" + _WHERE + rb" ssh2: (.*)")
_FAILED_CUT = re.compile(rb"Failed (\S+) for .*")
_SECOND = re.compile(rb"(?:\A| )from \S+ port [0-9]{1,5} ssh2: ")
# An account that logged in exists, so its name holds no address: the first one is sshd's, whatever a key id says.
_ACCEPTED = re.compile(rb"Accepted (\S+) for (.+?)" + _WHERE + rb"(?: ssh2)?(?:: (.*))?")
_INVALID = re.compile(rb"Invalid user (.*) from (\S+?)(?:" + _PORT + rb")?")
_MAXIMUM = re.compile(
    rb"error: maximum authentication attempts exceeded for (?:invalid user )?(.*)" + _WHERE + rb" ssh2(?: \[preauth\])?"
)
_GONE = rb"(?:Connection (?:closed|reset) by|Disconnected from) "
_LEFT = re.compile(_GONE + _WHO + rb"(.*) (\S+)" + _PORT + rb" \[preauth\]")
_LEFT_CUT = re.compile(rb"(?:" + _GONE + rb"|Disconnecting )" + _WHO)
_LEFT_UNNAMED = re.compile(_GONE + rb"([0-9A-Fa-f:.%]\S*)(?:" + _PORT + rb")? \[preauth\]")
_LEFT_USER = re.compile(rb"Disconnected from user (.+) (\S+)" + _PORT)
_SENT_OFF = re.compile(
    rb"Disconnecting " + _WHO + rb"(.*) (\S+)" + _PORT + rb": Too many authentication failures \[preauth\]"
)
_SENT_OFF_OTHER = re.compile(rb"Disconnecting " + _WHO + rb"(.*?) (\S+)" + _PORT + rb": ")
_SECOND_PORT = re.compile(rb"(?:\A| )\S+ port [0-9]{1,5}: ")
_DROP = re.compile(rb"drop connection #[0-9]+ from \[([^\]\s]+)\]:([0-9]{1,5}) on \[[^\]\s]+\]:[0-9]{1,5} (.*)")
_REPEATED = re.compile(rb"message repeated ([0-9]{1,9}) times: \[ (.*)\]")
_DENIED = re.compile(rb"User (.*) from (\S+) not allowed because .*")
_HALF = re.compile(
    rb"(?:Partial|Postponed) (\S+) for (?:invalid user )?(.*?)" + _WHERE + rb" ssh2(?:: .*)?(?: \[preauth\])?"
)
_FIXED = re.compile(
    rb"(?:Received disconnect from|Disconnected from|Connection (?:closed|reset) by|Connection from"
    rb"|Unable to negotiate with|banner exchange: Connection from|ssh_dispatch_run_fatal: Connection from"
    rb"|Did not receive identification string from|Timeout before authentication for connection from"
    rb"|fatal: Timeout before authentication for) (?:UNKNOWN|([0-9A-Fa-f.:]{2,45}(?:%\w+)?))(?![^\s:])(?:"
    + _PORT
    + rb")?"
)
_KNOWN = re.compile("|".join(re.escape(opening) for opening in OPENINGS).encode("ascii"))


def parse(message: bytes) -> Optional[Event]:
    """What a message (without time, host and program) says; None when sshd is not known to say this."""
    event = _PARSERS.get(message.partition(b" ")[0], _other)(message)
    if event is not None and len(message) >= CUT and event.user is not None and not event.login:
        return event._replace(user=None, address=None, port=None, key=None)
    return event


def _named(kind: str, user: bytes, where: bytes, port: Optional[bytes], what: str = "") -> Optional[Event]:
    """An event of a named user; None when the port is none, since sshd prints no such line."""
    number = None if port is None else int(port)
    if number is not None and number > HIGHEST_PORT:
        return None
    return Event(kind, escape(user), parse_address(where), number, None, None, False, 0, what)


def _failed(message: bytes) -> Optional[Event]:
    found = _FAILED_PLAIN.fullmatch(message) or _FAILED.fullmatch(message)
    if found is not None:
        method, user, where, port = found.groups()
        return _attempt(method, user, where, port)
    found = _FAILED_KEY.fullmatch(message)
    if found is not None:
        method, user, where, port, extra = found.groups()
        return _unplaced(method) if _SECOND.search(extra) else _attempt(method, user, where, port, _fingerprint(extra))
    found = _FAILED_CUT.fullmatch(message)
    return _unplaced(found[1]) if found else _other(message)


def _attempt(method: bytes, user: bytes, where: bytes, port: bytes, key: Optional[str] = None) -> Optional[Event]:
    number = int(port)
    if number > HIGHEST_PORT:
        return None
    # A client offers every key it has and asks with "none" first: that is no guess at a secret.
    attempts = 0 if method in _PROBES else 1
    return Event("failed", escape(user), parse_address(where), number, escape(method), key, False, attempts)


def _unplaced(method: bytes) -> Event:
    """A failure whose user and address cannot be told for certain."""
    return Event("failed", None, None, None, escape(method), None, False, 0 if method in _PROBES else 1)


def _fingerprint(extra: bytes) -> Optional[str]:
    found = _KEY.match(extra)
    return found[1].decode("ascii") if found else None


def _accepted(message: bytes) -> Optional[Event]:
    found = _ACCEPTED.fullmatch(message)
    if found is None:
        return _other(message)
    method, user, where, port, extra = found.groups()
    if int(port) > HIGHEST_PORT:
        return None
    key = None if extra is None else _fingerprint(extra)
    return Event("accepted", escape(user), parse_address(where), int(port), escape(method), key, True)


def _invalid(message: bytes) -> Optional[Event]:
    found = _INVALID.fullmatch(message)
    return _named("invalid_user", found[1], found[2], found[3]) if found else None


def _maximum(message: bytes) -> Optional[Event]:
    found = _MAXIMUM.fullmatch(message)
    return _named("max_attempts", found[1], found[2], found[3]) if found else _other(message)


def _left(message: bytes) -> Optional[Event]:
    found = _LEFT.fullmatch(message)
    if found is not None:
        user, where, port = found.groups()
        return _named("preauth_disconnect", user, where, port, "named")
    if _LEFT_CUT.match(message):
        return Event("preauth_disconnect", what="named")
    found = _LEFT_UNNAMED.fullmatch(message)
    if found is not None:
        return _placed("preauth_disconnect", found[1], found[2])
    found = _LEFT_USER.fullmatch(message)
    return _named("other", found[1], found[2], found[3]) if found else _other(message)


def _sent_off(message: bytes) -> Optional[Event]:
    found = _SENT_OFF.fullmatch(message)
    if found is None:
        found = _SENT_OFF_OTHER.match(message)
        if found is not None and (_SECOND_PORT.search(message[found.end() :]) or not message.endswith(b" [preauth]")):
            found = None
    if found is not None:
        return _named("preauth_disconnect", found[1], found[2], found[3], "named")
    return Event("preauth_disconnect", what="named") if _LEFT_CUT.match(message) else _other(message)


def _drop(message: bytes) -> Optional[Event]:
    found = _DROP.fullmatch(message)
    if found is None:
        return _other(message)
    what = "penalty" if found[3].startswith(b"penalty") else ""
    return Event("other", address=parse_address(found[1]), port=int(found[2]), what=what)


def _repeated(message: bytes) -> Optional[Event]:
    found = _REPEATED.fullmatch(message)
    if found is None or found[2].startswith(b"message repeated "):
        return None
    event = parse(found[2])
    return event and event._replace(attempts=event.attempts * int(found[1]))


def _denied(message: bytes) -> Optional[Event]:
    found = _DENIED.fullmatch(message)
    return _named("other", found[1], found[2], None) if found else _other(message)


def _half(message: bytes) -> Optional[Event]:
    found = _HALF.fullmatch(message)
    if found is None:
        return _other(message)
    event = _named("other", found[2], found[3], found[4])
    return event and event._replace(method=escape(found[1]))


def _other(message: bytes) -> Optional[Event]:
    found = _FIXED.match(message)
    if found is not None:
        return _placed("other", found[1], found[2])
    return Event("other") if _KNOWN.match(message) else None


def _placed(kind: str, where: Optional[bytes], port: Optional[bytes]) -> Event:
    """An event of nobody in particular."""
    number = None if port is None else int(port)
    return Event(kind, None, parse_address(where or b""), number if number is None or number <= HIGHEST_PORT else None)


_PARSERS: Dict[bytes, Parser] = {
    b"Failed": _failed,
    b"Accepted": _accepted,
    b"Invalid": _invalid,
    b"error:": _maximum,
    b"Connection": _left,
    b"Disconnected": _left,
    b"Disconnecting": _sent_off,
    b"drop": _drop,
    b"message": _repeated,
    b"User": _denied,
    b"Partial": _half,
    b"Postponed": _half,
}


def said_by_nobody() -> Tuple[str, ...]:
    """Openings after which a message is ``other``, whatever follows: no parser of its own looks at it."""
    words = [word.decode("ascii") for word in _PARSERS]
    return tuple(
        opening
        for opening in OPENINGS
        if opening.partition(" ")[0] not in words and (" " in opening or not any(w.startswith(opening) for w in words))
    )
