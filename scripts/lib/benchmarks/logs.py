# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd's messages: a text log against fail2ban's and sshguard's parsers, the journal against journalctl."""

from __future__ import annotations

import gzip
import json
import subprocess
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
_CASES = ROOT / "tests" / "cases" / "ssh_auth"
_OLD, _NEW = "sshd.journal", "burst.journal"
"""What has been read before, and the 300 entries of brute force that follow it."""
_MACHINE = "ba3924d4ca993c2a9e16ff796fde9867"
_MATCHES = "from vps_sentry.sshlog.journal import matches\nprint(*matches(sys.argv[1]), sep='\\n')"
_STAMP = """
from vps_sentry.tick.sshd import take_from
many = 10**6
limits = (many, many, many, True, many, (), ())
answer = take_from(sys.argv[1], sys.argv[2], deadline=2**40, limits=limits, matches=tuple(sys.argv[3:]))
sys.exit(0 if answer == b"" else 1)
"""
_LOOK = """
from vps_sentry.sshlog.journal import JournalSource
source = JournalSource({"cursor": sys.argv[2]}, 2**31, since=0, machine_id=sys.argv[3], directory=sys.argv[1])
sys.exit(0 if len(list(source)) == 300 else 1)
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
    stamp, look = partial(_journal, scratch, look=False), partial(_journal, scratch, look=True)
    return [
        Row("journal", "300 new entries read by a quiet tick, to journalctl -o json", 2, stamp, cheap=True),
        Row("journal-look", "300 new entries read by a full look, to journalctl -o json", 2, look),
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


def _journal(scratch: Path, *, look: bool) -> Measured:
    program = tool("journalctl", "systemd")
    compiled()
    place = scratch / "journal"
    place.mkdir(exist_ok=True)
    for name in (_OLD, _NEW):
        (place / name).write_bytes(gzip.decompress((_CASES / f"{name}.gz").read_bytes()))
    last = subprocess.run(
        [program, "-q", "--file", str(place / _OLD), "-n", "1", "-o", "json"], capture_output=True, check=True
    )
    where = [str(place), str(json.loads(last.stdout)["__CURSOR"])]
    matches = subprocess.run(agent(_MATCHES, _MACHINE), capture_output=True, text=True, check=True).stdout.split()
    contenders = {
        "journalctl": Contender([program, "-q", "-D", where[0], "--after-cursor", where[1], "-o", "json"]),
        "ours": Contender(agent(_LOOK, *where, _MACHINE) if look else agent(_STAMP, *where, *matches)),
    }
    found = by_turns(contenders, rounds=11)
    if found["ours"].codes != [0]:
        raise RuntimeError("the recorded journal was not read to its end")
    detail = f"{found['ours'].cpu * 1000:.1f} ms, journalctl {found['journalctl'].cpu * 1000:.1f} ms"
    return Measured(found["ours"].cpu / found["journalctl"].cpu, found["ours"].rss, detail)
