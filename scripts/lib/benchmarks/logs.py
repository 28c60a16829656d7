# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd's messages: a text log against fail2ban's and sshguard's parsers, the journal against journalctl."""

from __future__ import annotations

import gzip
from functools import partial
from pathlib import Path
from typing import Iterator, List

from .rows import ROOT, Contender, Measured, Row, SkippedError, agent, by_turns, compiled, tool

_OURS, _THEIRS = 1_000_000, 50_000
_PARSERS = (
    "/usr/libexec/sshguard/sshg-parser",
    "/usr/lib/x86_64-linux-gnu/sshg-parser",
    "/usr/lib/sshguard/sshg-parser",
)
_REPLAY = "from vps_sentry.cli import main\nsys.exit(main(['auth', sys.argv[1]]))"
_RECORDED = ROOT / "tests" / "cases" / "ssh_auth" / "sshd.journal.gz"
_MACHINE = "ba3924d4ca993c2a9e16ff796fde9867"
_JOURNAL = """
from vps_sentry.sshlog.journal import JournalSource
found = list(JournalSource({}, 2**31, since=0, machine_id=sys.argv[2], directory=sys.argv[1]))
sys.exit(0 if len(found) > 100 else 1)
"""
_LOGIN_EVERY = 1000
_SAID = (
    "Failed password for root from {} port {} ssh2",
    "Invalid user oracle from {} port {}",
    "Failed password for invalid user oracle from {} port {} ssh2",
    "Connection closed by authenticating user root {} port {} [preauth]",
    "Received disconnect from {} port {}:11: Bye Bye [preauth]",
    "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={}  user=root",
    "pam_unix(sshd:auth): check pass; user unknown",
)
_LOGIN = (
    "Accepted publickey for deploy from {} port {} ssh2: ED25519 SHA256:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI"
)


def rows(scratch: Path) -> List[Row]:
    """The rows about sshd's messages."""
    fail2ban, sshguard = partial(_against_fail2ban, scratch), partial(_against_sshguard, scratch)
    journal = partial(_journal, scratch)
    return [
        Row("journal", "a recorded journal of sshd, to journalctl -o json", 2, journal, cheap=True),
        Row("replay-fail2ban", "log lines per CPU second, to fail2ban-regex", 50, fail2ban, rss_mib=24, least=True),
        Row("replay-sshguard", "log lines per CPU second, to sshguard's parser", 2, sshguard, rss_mib=24, least=True),
    ]


def lines(count: int) -> Iterator[str]:
    """The log of an sshd under attack from some thousand addresses, a login now and then."""
    for number in range(count):
        address = f"203.0.{number // 500 % 250}.{number // 50 % 9 + 1}"
        form = _SAID[number % len(_SAID)] if number % _LOGIN_EVERY else _LOGIN
        said = form.format(address, 1024 + number % 60000)
        clock = f"{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}"
        yield f"Nov 24 {clock} host sshd[{number}]: {said}\n"


def _log(scratch: Path, count: int) -> Path:
    path = scratch / f"auth-{count}.log"
    if not path.exists():
        with path.open("w") as handle:
            handle.writelines(lines(count))
    return path


def _against_fail2ban(scratch: Path) -> Measured:
    program = tool("fail2ban-regex", "fail2ban")
    return _replay(scratch, Contender([program, str(_log(scratch, _THEIRS)), "sshd"]), count=_THEIRS)


def _against_sshguard(scratch: Path) -> Measured:
    found = [path for path in _PARSERS if Path(path).exists()]
    if not found:
        raise SkippedError("sshg-parser is not installed (Debian: sshguard)")
    command = f"exec {found[0]} <{_log(scratch, _OURS)}"
    return _replay(scratch, Contender(["/bin/sh", "-c", command]), count=_OURS)


def _replay(scratch: Path, theirs: Contender, *, count: int) -> Measured:
    compiled()
    ours = Contender(agent(_REPLAY, str(_log(scratch, _OURS))))
    found = by_turns({"theirs": theirs, "ours": ours}, rounds=3)
    fast, slow = _OURS / found["ours"].cpu, count / found["theirs"].cpu
    return Measured(fast / slow, found["ours"].rss, f"{fast:,.0f} lines a CPU second, theirs {slow:,.0f}")


def _journal(scratch: Path) -> Measured:
    program = tool("journalctl", "systemd")
    compiled()
    place = scratch / "journal"
    place.mkdir(exist_ok=True)
    (place / "sshd.journal").write_bytes(gzip.decompress(_RECORDED.read_bytes()))
    contenders = {
        "journalctl": Contender([program, "-q", "-D", str(place), "-o", "json"]),
        "ours": Contender(agent(_JOURNAL, str(place), _MACHINE)),
    }
    found = by_turns(contenders, rounds=11)
    if found["ours"].codes != [0]:
        raise RuntimeError("the recorded journal was not read to its end")
    detail = f"{found['ours'].cpu * 1000:.1f} ms, journalctl {found['journalctl'].cpu * 1000:.1f} ms"
    return Measured(found["ours"].cpu / found["journalctl"].cpu, found["ours"].rss, detail)
