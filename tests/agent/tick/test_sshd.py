# SPDX-License-Identifier: GPL-3.0-or-later
"""What sshd may say without waking the agent: never more than could wait, judged by the full check itself."""

from __future__ import annotations

import copy
import gzip
import random
import time
from pathlib import Path
from typing import Any, Dict, List, Set, Tuple

import pytest
from vps_sentry.sshlog import headroom
from vps_sentry.sshlog.headroom import UNLIMITED, Limits
from vps_sentry.sshlog.journal import JournalSource, matches
from vps_sentry.sshlog.messages import parse
from vps_sentry.sshlog.options import Options
from vps_sentry.sshlog.rules import Rules, empty
from vps_sentry.sshlog.watch import Watch
from vps_sentry.tick import sshd
from vps_sentry.tick.sshd import calm, take, take_from

CASES = Path(__file__).parents[2] / "cases" / "ssh_auth"
MACHINE = "ba3924d4ca993c2a9e16ff796fde9867"
NOW = 1_795_349_700
RULES = Rules(25, 10, 3_600, 30 * 86_400, frozenset(("root", "alice")), lambda event, when: False)
WHO = ("root", "alice")
FREE: Limits = (UNLIMITED, UNLIMITED, UNLIMITED, True, UNLIMITED, (), ())
NONE: Limits = (0, 0, 0, False, 0, (), ())
PLACE = "203.0.113.7 port 9"
FAILED = f"Failed password for root from {PLACE} ssh2"
WAITING = (
    "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.7  user=root",
    f"Received disconnect from {PLACE}:11: Bye Bye [preauth]",
    f"Connection closed by {PLACE} [preauth]",
    f"Disconnected from {PLACE} [preauth]",
    "Unable to negotiate with 203.0.113.7 port 9: no matching key exchange method found. Their offer: x [preauth]",
    "banner exchange: Connection from 203.0.113.7 port 9: invalid format",
    "error: kex_exchange_identification: Connection closed by remote host",
    f"error: maximum authentication attempts exceeded for root from {PLACE} ssh2 [preauth]",
    "User root from 203.0.113.7 not allowed because not listed in AllowUsers",
    f"Failed publickey for root from {PLACE} ssh2: RSA SHA256:abc",
    "drop connection #9 from [203.0.113.7]:9 on [192.0.2.1]:22 past MaxStartups",
)
WAKING = (
    ("a login", f"Accepted password for root from {PLACE} ssh2"),
    ("half a login", f"Partial publickey for root from {PLACE} ssh2"),
    ("a session", "pam_unix(sshd:session): session opened for user root(uid=0) by root(uid=0)"),
    ("left after a login", f"Disconnected from user root {PLACE}"),
    ("left after a login, too", f"Received disconnect from {PLACE}:11: disconnected by user"),
    ("closed after a login", f"Connection closed by {PLACE}"),
    ("journald dropped messages", "Suppressed 3912 messages from ssh.service"),
    ("a new server", "Server listening on 0.0.0.0 port 2222."),
    ("folded lines", f"message repeated 5 times: [ {FAILED}]"),
    ("a penalty, the first",
     "drop connection #9 from [203.0.113.7]:9 on [192.0.2.1]:22 penalty: failed authentication"),
    ("unknown", "Grmpf"),
    ("nothing", ""),
    ("cut before the address", "Failed password for root"),
    ("no address", "Failed password for root from UNKNOWN port 65535 ssh2"),
    ("a mapped address", "Failed password for root from ::ffff:203.0.113.7 port 9 ssh2"),
    ("no port", "Failed password for root from 203.0.113.7 port x ssh2"),
    ("a cut invalid user", "Invalid user " + "x" * 480),
    ("a cut leaver", "Connection closed by invalid user " + "x" * 480),
    ("a leaver from nowhere", "Connection closed by invalid user x UNKNOWN port 65535 [preauth]"),
)  # fmt: skip


@pytest.mark.parametrize("message", WAITING)
def test_what_always_may_wait(message: str) -> None:
    assert calm([message.encode()], NONE)


@pytest.mark.parametrize("message", [case[1] for case in WAKING], ids=[case[0] for case in WAKING])
def test_what_never_waits(message: str) -> None:
    assert not calm([message.encode()], (*FREE[:3], False, UNLIMITED, (), ()))


def failures(count: int, *, place: str = "203.0.113.%d", who: str = "root") -> List[bytes]:
    spots = [place % number if "%" in place else place for number in range(count)]
    return [f"Failed password for {who} from {spot} port 9 ssh2".encode() for spot in spots]


COUNTED: Tuple[Tuple[str, List[bytes], Limits, bool], ...] = (
    ("as many failures as may come", failures(5), (5, 0, 0, False, 5, (), WHO), True),
    ("one more", failures(6), (5, 0, 0, False, 9, (), WHO), False),
    ("from one network as many as may come", failures(5), (9, 0, 0, False, 5, (), WHO), True),
    ("from one network one more", failures(6), (9, 0, 0, False, 5, (), WHO), False),
    ("from a network of its own limit", failures(3), (9, 0, 0, False, 5, (("203.0.113", 2),), WHO), False),
    ("from other networks", failures(6, place="203.0.%d.1"), (9, 0, 0, False, 1, (), WHO), True),
    ("from all of IPv6 together", failures(3, place="2001:db8:%d::1"), (9, 0, 0, False, 2, (), WHO), False),
    ("against nobody", failures(6, who="invalid user x"), (9, 0, 0, False, 0, (), WHO), True),
    ("against somebody who may not log in", failures(2, who="invalid user alice"),
     (9, 0, 0, False, 1, (), WHO), False),
    ("a name that looks like nobody", failures(2, who="x for invalid user y"), (9, 0, 0, False, 1, (), WHO), False),
    ("unknown users", [b"Invalid user x from 203.0.113.7 port 9"] * 2, (0, 2, 0, False, 0, (), WHO), True),
    ("one more unknown user", [b"Invalid user x from 203.0.113.7 port 9"] * 3, (0, 2, 0, False, 0, (), WHO), False),
    ("left early", [b"Connection closed by invalid user x 203.0.113.7 port 9 [preauth]"],
     (0, 0, 0, False, 0, (), WHO), False),
    ("left early once a connection",
     [b"Connection closed by invalid user x 203.0.113.7 port 9 [preauth]"] * 2,
     (0, 0, 1, False, 0, (), WHO), True),
    ("left after failing",
     [FAILED.encode(), f"Connection closed by authenticating user root {PLACE} [preauth]".encode()],
     (1, 0, 0, False, 1, (), WHO), True),
)  # fmt: skip


@pytest.mark.parametrize(("messages", "limits", "waits"), [case[1:] for case in COUNTED], ids=[c[0] for c in COUNTED])
def test_what_is_counted(messages: List[bytes], limits: Limits, waits: bool) -> None:
    assert calm(messages, limits) is waits


def test_not_too_many_at_once() -> None:
    assert calm([WAITING[0].encode()] * sshd.MOST, FREE)
    assert not calm([WAITING[0].encode()] * (sshd.MOST + 1), FREE)


def test_forgotten_connections_count_twice_never_less() -> None:
    many = [f"Connection closed by invalid user x 203.0.113.7 port {n} [preauth]".encode() for n in range(600)]
    assert calm(many + many[-9:], (0, 0, 600, False, 0, (), WHO))
    assert not calm(many + many[:9], (0, 0, 600, False, 0, (), WHO))


# What an attacker can make sshd say, and a little of what he cannot.
SHAPES = (
    "Failed password for {name} from {where} port {port} ssh2",
    "Failed password for invalid user {name} from {where} port {port} ssh2",
    "Failed keyboard-interactive/pam for {name} from {where} port {port} ssh2",
    "Failed none for {name} from {where} port {port} ssh2",
    "Failed publickey for {name} from {where} port {port} ssh2: RSA SHA256:x",
    "Invalid user {name} from {where} port {port}",
    "Connection closed by authenticating user {name} {where} port {port} [preauth]",
    "Connection reset by invalid user {name} {where} port {port} [preauth]",
    "Disconnecting invalid user {name} {where} port {port}: Too many authentication failures [preauth]",
    "Disconnected from authenticating user {name} {where} port {port} [preauth]",
    "Received disconnect from {where} port {port}:11: {name} [preauth]",
    "error: maximum authentication attempts exceeded for {name} from {where} port {port} ssh2 [preauth]",
    "drop connection #0 from [{where}]:{port} on [10.0.0.1]:22 penalty: failed authentication",
    "Accepted password for {name} from {where} port {port} ssh2",
)
NAMES = ("root", "alice", "admin", "", "invalid user x", "root from 1.2.3.4 port 22 ssh2", "x [preauth]", "u" * 500)
WEIGHTS = (60, 30, 9, 5, 5, 20, 40, 20, 3, 20, 40, 5, 1, 1)


def attack(choose: random.Random) -> List[bytes]:
    """The lines of five minutes: mostly of few names from few networks, some cut off."""
    found = []
    networks = choose.choice((1, 3, 40))
    for _ in range(choose.choice((0, 1, 3, 10, 40))):
        last, host = choose.randrange(networks), choose.randrange(1, 4)
        where = f"198.51.{last}.{host}" if choose.random() < 0.9 else f"2001:db8:{last}::{host}"
        name = choose.choice(NAMES) if choose.random() < 0.3 else choose.choice(NAMES[:3])
        (shape,) = choose.choices(SHAPES, WEIGHTS)
        found.append(shape.format(name=name, where=where, port=choose.randrange(1, 200)).encode()[:500])
    return found


def fed(memory: Dict[str, Any], waiting: List[bytes], now: int) -> Dict[str, Any]:
    """The memory after a full look at all that waited."""
    after = copy.deepcopy(memory)
    watch = Watch(after, RULES, now)
    for message in waiting:
        event = parse(message)
        if event is not None:
            watch.feed(now - 1, 1, event=event, trusted=True)
    watch.signals()
    return {**after, "position": {"checked": now}}


def told(memory: Dict[str, Any], now: int) -> Set[Tuple[str, str, str]]:
    standing = [entry for entry in memory["standing"].values() if entry["until"] > now]
    return {(entry["code"], entry["key"], entry["severity"]) for entry in standing}


@pytest.mark.parametrize("seed", range(40))
def test_what_waits_would_have_told_nothing_new(seed: int) -> None:
    """The promise of the stamp: no alert comes a tick later than it would without it."""
    choose = random.Random(seed)
    now, quiet = NOW, 0
    memory: Dict[str, Any] = {**empty(), "accepted": True, "position": {"checked": now}, "targets": ["alice", "root"]}
    waiting: List[bytes] = []
    for _ in range(60):
        now += 300
        waiting += attack(choose)
        due = any(entry["until"] <= now for entry in memory["standing"].values())
        waits = now < headroom.deadline(memory) and calm(waiting, headroom.limits(memory, Options()))
        after = fed(memory, waiting, now)
        if waits and not due:
            quiet += 1
            assert told(after, now) <= told(memory, now)
            assert (after["pending"], after["seen"]) == (memory["pending"], memory["seen"])
        else:
            memory, waiting = after, []
    assert quiet > 0


@pytest.fixture(name="directory", scope="module")
def _directory(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("journal")
    for name in ("sshd.journal", "burst.journal"):
        (place / name).write_bytes(gzip.decompress((CASES / f"{name}.gz").read_bytes()))
    return str(place)


def cursor_before(directory: str, count: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """The cursor of the entry that ``count`` entries follow."""
    monkeypatch.setattr("vps_sentry.sshlog.journal.ENTRIES", 422 - count)
    source = JournalSource({}, NOW, since=0, machine_id=MACHINE, directory=directory)
    assert len(list(source)) == 421 - count
    return str(source.position["cursor"])


READ: Tuple[Tuple[str, int, Limits, int, bool], ...] = (
    ("brute force within the limits", 200, (50, 0, 0, False, 25, (), WHO), NOW * 2, True),
    ("brute force beyond the limits", 204, (50, 0, 0, False, 25, (), WHO), NOW * 2, False),
    ("from one network too often", 200, (50, 0, 0, False, 1, (), WHO), NOW * 2, False),
    ("too late to wait", 200, FREE, NOW // 2, False),
    ("nothing new, and too late to wait", 0, NONE, NOW // 2, True),
    ("a login among it", 301, FREE, NOW * 2, False),
)


@pytest.mark.parametrize(
    ("count", "limits", "deadline", "quiet"), [case[1:] for case in READ], ids=[case[0] for case in READ]
)
def test_a_real_journal(
    directory: str, monkeypatch: pytest.MonkeyPatch, count: int, limits: Limits, deadline: int, quiet: bool
) -> None:
    cursor = cursor_before(directory, count, monkeypatch)
    answers = {
        take_from(directory, cursor, deadline=deadline, limits=limits, matches=matches(MACHINE)) for _ in range(2)
    }
    assert answers == {b""} if quiet else len(answers - {b""}) == 2


@pytest.mark.parametrize("cursor", ["", "s=0;i=1;b=0;m=0;t=0;x=0"], ids=["never read", "gone"])
def test_without_a_place_to_look_from_it_is_never_quiet(directory: str, cursor: str) -> None:
    arguments: Any = {"deadline": NOW * 2, "limits": FREE, "matches": matches(MACHINE)}
    assert take_from(directory, cursor, **arguments) != take_from(directory, cursor, **arguments)


def test_this_machine_without_a_cursor_is_never_quiet() -> None:
    assert take("", NOW * 2, FREE, "_UID=0") != b""


@pytest.mark.budget
def test_a_full_load_of_waiting_lines_is_cheap() -> None:
    lines = [line.encode() for line in (FAILED, *WAITING[:4])] * (sshd.MOST // 5)
    began = time.process_time()
    assert calm(lines, FREE)
    # About as much as starting Python; reading them from the journal costs twice that again.
    assert time.process_time() - began < 0.02
