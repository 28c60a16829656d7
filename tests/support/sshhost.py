# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose sshd's log, settings and sessions a test writes as it likes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from vps_sentry.checks import Context
from vps_sentry.checks.ssh_auth import CHECK
from vps_sentry.core.model import Observation
from vps_sentry.host import Host
from vps_sentry.sshlog.options import Options
from vps_sentry.sshlog.source import Record

NOW = int(time.mktime((2026, 11, 22, 13, 0, 0, 0, 0, -1)))
LOG = "var/log/auth.log"
OPTIONS = Options(sources="/var/log/auth.log")
PASSWD = b"root:x:0:0:root:/root:/bin/bash\nsshd:x:100:65534::/run/sshd:/bin/false\nalice:x:1000:1000::/h:/bin/sh\n"
ACCEPTED = "Accepted password for alice from 203.0.113.7 port 9 ssh2"
UNVERIFIED, FIRST = ("warning", "ssh_login_unverified"), ("warning", "ssh_first_login")
HIDDEN = ("critical", "session_without_login")


def prepare(root: Path) -> Path:
    """A host with sshd's default settings, a text log, and nobody logged in."""
    for name in ("etc/ssh/sshd_config.d", "var/log", "run/systemd/sessions", "proc"):
        (root / name).mkdir(parents=True)
    (root / "etc/passwd").write_bytes(PASSWD)
    settings(root, "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n")
    log(root, "Server listening on 0.0.0.0 port 22.", pid=1)
    return root


def settings(root: Path, text: str, name: str = "etc/ssh/sshd_config") -> None:
    (root / name).write_text(text)


def log(root: Path, message: str, *, pid: int = 93, when: str = "12:59:00", program: str = "sshd") -> None:
    with (root / LOG).open("a") as handle:
        handle.write(f"Nov 22 {when} vps {program}[{pid}]: {message}\n")


def session(root: Path, name: str = "1", **fields: object) -> None:
    values = {
        "UID": "1000", "USER": "alice", "REMOTE": "1", "CLASS": "user", "REMOTE_HOST": "203.0.113.7",
        "SERVICE": "sshd", "LEADER": "93", "REALTIME": (NOW - 60) * 1_000_000, **fields,
    }  # fmt: skip
    text = "".join(f"{key}={value}\n" for key, value in values.items())
    (root / "run/systemd/sessions" / name).write_text(text)


def look(root: Path, memory: Dict[str, Any], *, now: int = NOW, options: Options = OPTIONS) -> Observation:
    return CHECK.collect(Context(Host(str(root)), options, now, memory, accepted=True))


def said(observation: Observation) -> List[Tuple[str, str]]:
    return [(signal.severity, signal.code) for signal in observation.signals]


class Journal:
    """A pass over the journal with these records in it."""

    name, missing, more = "journal", None, False

    def __init__(self, *records: Record) -> None:
        self._records = records
        self.position: Dict[str, Any] = {"cursor": "c"}
        self.gaps: Dict[str, str] = {}

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)
