# SPDX-License-Identifier: GPL-3.0-or-later
"""The fast way through a log: whatever the log, it comes to what line by line comes to."""

from __future__ import annotations

import io
import random
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

import pytest
from vps_sentry.sshlog import scan as scan_module
from vps_sentry.sshlog import summary as summary_module
from vps_sentry.sshlog.addresses import network
from vps_sentry.sshlog.blocks import CHUNK, LONGEST_LINE
from vps_sentry.sshlog.messages import parse, said_by_nobody
from vps_sentry.sshlog.replay import replay
from vps_sentry.sshlog.scan import scan
from vps_sentry.sshlog.summary import Tally

CASES = Path(__file__).parents[2] / "cases" / "ssh_auth"
HEADS = (
    b"Nov 22 12:13:10 vps sshd[614]: ",
    b"2026-11-22T12:13:10.123456+00:00 vps sshd-session[614]: ",
    b"2026-11-22T12:13:10Z vps sshd-auth[614]: ",
    b"<38>Nov  2 12:13:10 vps sshd: ",
    b"Nov 22 12:13:10 vps sshd[614]:",
    b"Nov 22 12:13:10 vps cron[614]: sshd[1]: ",
    b"Nov 22 12:13:10 vps xsshd[614]: ",
    b"nov 22 12:13:10 vps sshd[614]: ",
    b"Nov 22 12:13:10  vps sshd[614]: ",
)
NAMES = (
    b"root", b"invalid", b"invalid user", b"", b" ", b"a b", b"root from 1.2.3.4 port 22 ssh2", b"x" * 70,
    b"\xff\x1b[31m",    b"1.2.3.4", b"authenticating user root", b"user",
    b"Accepted password for root from 6.6.6.6 port 1 ssh2", b"a\\nb",
)  # fmt: skip
PLACES = (
    b"203.0.113.7", b"203.0.113.8", b"198.51.100.1", b"2001:db8::1", b"::ffff:203.0.113.7", b"fe80::1%eth0", b"UNKNOWN",
    b"203.0.113.256", b"::1::2", b"host.example", b"....",
)  # fmt: skip
PORTS = (b"22", b"0", b"00022", b"64999", b"65000", b"65535", b"65536", b"99999", b"123456", b"", b"x")
SHAPES = (
    b"Failed password for %(name)s from %(place)s port %(port)s ssh2",
    b"Failed password for invalid user %(name)s from %(place)s port %(port)s ssh2",
    b"Failed none for invalid user %(name)s from %(place)s port %(port)s ssh2",
    b"Failed keyboard-interactive/pam for %(name)s from %(place)s port %(port)s ssh2",
    b"Failed password for %(name)s from %(place)s port %(port)s",
    b"Failed password for %(name)s from %(place)s port %(port)s ssh2 [preauth]",
    b"Failed publickey for %(name)s from %(place)s port %(port)s ssh2: RSA SHA256:abc",
    b"Invalid user %(name)s from %(place)s port %(port)s",
    b"Invalid user %(name)s from %(place)s",
    b"Accepted password for %(name)s from %(place)s port %(port)s ssh2",
    b"Accepted key RSA SHA256:abc found at /root/.ssh/authorized_keys:1",
    b"Connection closed by invalid user %(name)s %(place)s port %(port)s [preauth]",
    b"Connection reset by authenticating user %(name)s %(place)s port %(port)s [preauth]",
    b"Connection closed by %(place)s port %(port)s [preauth]",
    b"Connection closed by %(place)s [preauth]",
    b"Connection closed by %(place)s port %(port)s",
    b"Disconnected from authenticating user %(name)s %(place)s port %(port)s [preauth]",
    b"Disconnected from user %(name)s %(place)s port %(port)s",
    b"Disconnecting invalid user %(name)s %(place)s port %(port)s: Too many authentication failures [preauth]",
    b"error: maximum authentication attempts exceeded for %(name)s from %(place)s port %(port)s ssh2 [preauth]",
    b"error: Received disconnect from %(place)s: 3: %(name)s [preauth]",
    b"message repeated 5 times: [ Failed password for %(name)s from %(place)s port %(port)s ssh2]",
    b"drop connection #0 from [%(place)s]:%(port)s on [10.0.0.1]:22 penalty: failed authentication",
    b"Received disconnect from %(place)s port %(port)s:11: %(name)s [preauth]",
    b"pam_unix(sshd:auth): authentication failure; rhost=%(place)s user=%(name)s",
    b"User %(name)s from %(place)s not allowed because not listed in AllowUsers",
    b"%(name)s",
)
ENDS = (b"\n",) * 8 + (b"\r\n", b" \n", b"\n\n", b"\0\n")


def slowly(data: bytes) -> Dict[str, object]:
    """The sum of a log by the rows of ``vps-sentry auth --format json``."""
    rows = replay(io.BytesIO(data))
    found = list(rows)
    events: Dict[str, int] = {}
    users: Dict[str, int] = {}
    networks: Dict[str, int] = {}
    for row in found:
        events[str(row["event"])] = events.get(str(row["event"]), 0) + 1
        tallied = ((users, row["user"]), (networks, row["address"] and network(str(row["address"]))))
        for tally, name in tallied:
            if row["attempts"] and name is not None:
                tally[str(name)[:64]] = tally.get(str(name)[:64], 0) + int(str(row["attempts"]))
    counts = rows.counts
    return {
        "lines": (counts.lines, counts.recognised, counts.unrecognised, counts.overlong),
        "events": events,
        "attempts": sum(int(str(row["attempts"])) for row in found),
        "users": users,
        "networks": networks,
        "logins": sum(1 for row in found if row["login"]),
    }


def quickly(data: bytes) -> Dict[str, object]:
    found = scan(io.BytesIO(data))
    return {
        "lines": (found.lines, found.recognised, found.unrecognised, found.overlong),
        "events": found.events,
        "attempts": found.attempts,
        "users": dict(found.users.highest(100_000)),
        "networks": dict(found.networks.highest(100_000)),
        "logins": sum(entry.count for entry in found.logins.values()) + found.more_logins,
    }


def hostile(seed: int, count: int) -> bytes:
    """Lines put together at random from what sshd says and from what it never says, some of them cut off."""
    choose = random.Random(seed)

    def line() -> bytes:
        message = choose.choice(SHAPES) % {
            b"name": choose.choice(NAMES), b"place": choose.choice(PLACES), b"port": choose.choice(PORTS)
        }  # fmt: skip
        head = HEADS[0] if choose.random() < 0.5 else choose.choice(HEADS)
        cut = choose.randrange(len(message) + 1) if choose.random() < 0.1 else len(message)
        return head + message[:cut] + choose.choice(ENDS)

    return b"".join(line() for _ in range(count))


@pytest.mark.parametrize("seed", range(6))
def test_hostile_lines_come_to_the_same(seed: int) -> None:
    data = hostile(seed, 3_000)
    assert quickly(data) == slowly(data)


def every_shape() -> Iterator[bytes]:
    for shape in SHAPES:
        for name in NAMES:
            for place in PLACES:
                yield from (HEADS[0] + shape % {b"name": name, b"place": place, b"port": port} for port in PORTS)


def test_every_shape_with_every_name_place_and_port() -> None:
    data = b"\n".join(every_shape())
    assert quickly(data) == slowly(data)


@pytest.mark.parametrize("release", ["bullseye", "bookworm", "trixie"])
def test_real_records_come_to_the_same(release: str) -> None:
    data = (CASES / f"{release}.jsonl").read_bytes()
    assert quickly(data) == slowly(data)


FAILED = HEADS[0] + b"Failed password for root from 203.0.113.7 port 9 ssh2\n"
EDGES: Tuple[Tuple[str, bytes], ...] = (
    ("nothing", b""),
    ("only newlines", b"\n\n\n"),
    ("no newline at the end", FAILED[:-1]),
    ("a block's border within a line", FAILED * (2 * CHUNK // len(FAILED))),
    ("a line of the longest length", HEADS[0] + b"PAM " + b"x" * (LONGEST_LINE - len(HEADS[0]) - 4) + b"\n" + FAILED),
    ("one byte more", HEADS[0] + b"PAM " + b"x" * (LONGEST_LINE - len(HEADS[0]) - 3) + b"\n" + FAILED),
    ("a line over many blocks", HEADS[0] + b"PAM " + b"x" * (3 * CHUNK) + b"\n" + FAILED),
    ("a line over many blocks at the end", FAILED + HEADS[0] + b"PAM " + b"x" * (3 * CHUNK)),
    ("an endless name of a host", b"Nov 22 12:13:10 " + b"h" * (LONGEST_LINE - 1) + FAILED[19:] + FAILED),
    ("other separators than LF", FAILED.replace(b"\n", b"\x0b") + FAILED.replace(b"\n", b"\xe2\x80\xa8") + FAILED),
)


@pytest.mark.parametrize("data", [case[1] for case in EDGES], ids=[case[0] for case in EDGES])
def test_edges_come_to_the_same(data: bytes) -> None:
    assert quickly(data) == slowly(data)


def test_more_names_than_are_kept_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary_module, "NAMES", 3)
    tally = Tally()
    for number in range(100):
        tally.add("often", 2)
        tally.add(f"once {number}", 1)
    assert (tally.highest(1), tally.total(), tally.forgotten > 0) == ([("often", 200)], 300, True)


def test_more_kinds_of_logins_than_are_kept_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary_module, "LOGINS", 2)
    lines = [
        HEADS[0] + b"Accepted password for u%d from 203.0.113.7 port 9 ssh2\n" % (number % 4) for number in range(9)
    ]
    found = scan(io.BytesIO(b"".join(lines)))
    assert ([entry.count for entry in found.logins.values()], found.more_logins) == ([3, 2], 4)


def test_many_different_messages_are_not_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_module, "DISTINCT", 5)
    data = b"".join(FAILED.replace(b"root", b"u%d" % number) for number in range(10_000))
    assert quickly(data)["attempts"] == 10_000


def test_what_no_parser_looks_at_is_always_other() -> None:
    ends: List[bytes] = [b"", b"x", b" from 1.2.3.4 port 99999 ssh2", b"1.2.3.4 port 70000 [preauth]"]
    said = {parse(opening.encode() + end) for opening in said_by_nobody() for end in ends}
    assert {event and event.event for event in said} == {"other"}


@pytest.mark.budget
def test_the_fast_way_is_fast() -> None:
    data = hostile(1, 40).replace(b"\0", b"") + FAILED * 30_000

    def cost(way: Callable[[bytes], object]) -> float:
        began = time.process_time()
        way(data)
        return time.process_time() - began

    assert min(cost(quickly) for _ in range(3)) * 3 < min(cost(slowly) for _ in range(3))
