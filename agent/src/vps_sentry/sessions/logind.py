# SPDX-License-Identifier: GPL-3.0-or-later
"""logind's sessions from the files it keeps (sd-login's own source, /run/systemd/sessions, systemd 247 to 262)."""

from __future__ import annotations

import errno
import os
from typing import Dict, List, Mapping, Optional, Tuple

from ..core.canonical import escape
from ..errors import CollectError
from ..host import open_regular
from ..sshlog.addresses import address
from .session import SSH, Session

DIRECTORY = "/run/systemd/sessions"
_LIMIT = 16 * 1024
_SSHD = ("sshd", "sshd-session")
# Privileges that change hands within a login, and jobs: nobody comes in from outside. A session that one of these
# opens belongs to whoever called it.
_NO_LOGIN = {
    "su", "su-l", "sudo", "sudo-i", "runuser", "runuser-l", "doas", "pkexec", "polkit-1",
    "cron", "crond", "atd", "systemd-user", "systemd-run",
}  # fmt: skip
_USER_CLASSES = ("user", "user-early", "user-light", "user-early-light", "user-incomplete")


def names(directory: str = DIRECTORY) -> List[str]:
    """Names of the sessions; none where there is no logind. Raises CollectError when they cannot be listed."""
    try:
        found = os.listdir(directory)
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise CollectError(f"cannot list {directory}: {exc.strerror}") from exc
    return sorted(name for name in found if not name.endswith(".ref") and not name.startswith("."))


def read(directory: str = DIRECTORY) -> Tuple[List[Session], List[str]]:
    """The logins among the sessions, and what could not be looked at. Raises CollectError like ``names``."""
    found: List[Session] = []
    problems: List[str] = []
    for name in names(directory):
        try:
            session = parse(name, _content(f"{directory}/{name}"))
        except OSError as exc:
            if exc.errno != errno.ENOENT:
                problems.append(f"cannot read {directory}/{name}: {exc.strerror}")
            continue
        if session is not None:
            found.append(session)
    return found, problems


def _content(path: str) -> bytes:
    with open(open_regular(os.fsencode(path)), "rb") as handle:
        return handle.read(_LIMIT)


def parse(name: str, data: bytes) -> Optional[Session]:
    """The session of one file; None for one that is nobody's login: a user manager, a job, su, a greeter."""
    fields = _fields(data)
    service = fields.get("SERVICE", "")
    begin, leader, uid = (_number(fields.get(key, "")) for key in ("REALTIME", "LEADER", "UID"))
    if fields.get("CLASS") not in _USER_CLASSES or service in _NO_LOGIN or begin is None:
        return None
    host = fields.get("REMOTE_HOST", "")
    return Session(
        key=f"logind {name} {begin}",
        kind=SSH if service in _SSHD else service or "unknown",
        user=fields.get("USER", "") or f"uid:{uid}",
        uid=uid,
        begin=begin // 1_000_000,
        pids=(leader,) if leader else (),
        address=address(host.encode("utf-8", "surrogateescape")),
        remote=fields.get("REMOTE") == "1" or service in _SSHD,
    )


def _fields(data: bytes) -> Mapping[str, str]:
    found: Dict[str, str] = {}
    for line in data.split(b"\n"):
        name, equals, value = line.partition(b"=")
        if equals and not name.startswith(b"#"):
            found[escape(name)] = escape(value.strip(b'"'))
    return found


def _number(text: str) -> Optional[int]:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
