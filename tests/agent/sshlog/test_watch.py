# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from sshd's events: the same events cut into runs anywhere must say the same."""

from __future__ import annotations

from typing import List, Tuple

import pytest
from support.sshd import HOUR, KEY, RULES, Row, T, accepted, failed, feed, memory
from vps_sentry.core import canonical
from vps_sentry.sshlog.logins import learn, login_key
from vps_sentry.sshlog.messages import Event
from vps_sentry.sshlog.rules import DAY
from vps_sentry.sshlog.watch import Watch

BURST = ("info", "ssh_failure_burst")
AGAINST_ACCOUNT = ("warning", "ssh_failure_burst")
REPEATED = "message repeated 24 times: [ Failed password for root from 203.0.113.7 port 9 ssh2]"

BURSTS: Tuple[Tuple[str, List[Row], List[Tuple[str, str]]], ...] = (
    ("one short of the threshold", failed(24), []),
    ("the threshold", failed(25), [BURST]),
    ("24 and one, just inside the window", failed(24, step=0) + failed(1, start=T + HOUR - 1), [BURST]),
    ("24 and one, just outside", failed(24, step=0) + failed(1, start=T + HOUR), []),
    (
        "summed over addresses",
        [row for number in range(25) for row in failed(1, start=T + number, address=f"198.51.{number}.1")],
        [BURST],
    ),
    ("spread over two windows", failed(26, step=300), []),
    ("one network against an account that exists", failed(25, user="root"), [AGAINST_ACCOUNT]),
    (
        "the same from two networks",
        failed(13, user="root") + failed(12, user="root", address="198.51.100.7"),
        [BURST],
    ),
    (
        "neighbours are one network",
        failed(13, user="root") + failed(12, user="root", address="203.0.113.200"),
        [AGAINST_ACCOUNT],
    ),
    (
        "one /48",
        failed(13, user="root", address="2001:db8:1:1::1") + failed(12, user="root", address="2001:db8:1:ffff::2"),
        [AGAINST_ACCOUNT],
    ),
    ("folded lines count in full", [(T, REPEATED), *failed(1)], [BURST]),
    ("folded lines, one short", [(T, REPEATED)], []),
    (
        "keys offered are no attempts",
        [(T, f"Failed publickey for root from 203.0.113.7 port {port} ssh2: RSA {KEY}") for port in range(30)],
        [],
    ),
    (
        "unknown users, one short",
        [(T, f"Invalid user u{number} from 203.0.113.7 port 9") for number in range(9)],
        [],
    ),
    (
        "unknown users",
        [(T, f"Invalid user u{number} from 203.0.113.7 port 9") for number in range(10)],
        [("info", "ssh_invalid_user_burst")],
    ),
    (
        "wrong keys leave only this",
        [(T, f"Connection closed by authenticating user root 203.0.113.7 port {port} [preauth]") for port in range(50)],
        [("info", "ssh_key_only_burst")],
    ),
    (
        "two lines of one connection count once",
        [
            (T, f"{text} authenticating user root 203.0.113.7 port {port}{end} [preauth]")
            for port in range(49)
            for text, end in (("Disconnecting", ": Too many authentication failures"), ("Disconnected from", ""))
        ],
        [],
    ),
    (
        "a connection with a failure was counted there",
        [
            (T, text.format(port))
            for port in range(20)
            for text in (
                "Failed none for root from 203.0.113.7 port {} ssh2",
                "Connection closed by authenticating user root 203.0.113.7 port {} [preauth]",
            )
        ]
        + [
            (T, f"Connection closed by authenticating user root 203.0.113.7 port {port} [preauth]")
            for port in range(20, 69)
        ],
        [],
    ),
    (
        "penalties hide failures",
        [(T, "drop connection #0 from [10.88.0.1]:51234 on [10.88.0.44]:22 penalty: failed authentication")],
        [("info", "ssh_penalty")],
    ),
)


@pytest.mark.parametrize(("rows", "expected"), [case[1:] for case in BURSTS], ids=[case[0] for case in BURSTS])
@pytest.mark.parametrize("cut", [0, 1, 7, 24])
def test_bursts(rows: List[Row], expected: List[Tuple[str, str]], cut: int) -> None:
    kept, now = memory(), rows[-1][0]
    feed(kept, rows[:cut], now=rows[0][0])
    assert feed(kept, rows[cut:], now=now) == expected


def test_a_burst_ends_a_window_after_its_last_failure() -> None:
    kept = memory()
    feed(kept, failed(25), now=T + 30)
    feed(kept, failed(1, start=T + 1000), now=T + 1000)
    assert feed(kept, [], now=T + 1000 + HOUR - 1) == [BURST]
    assert feed(kept, [], now=T + 1000 + HOUR) == []


def test_a_standing_burst_keeps_its_words() -> None:
    kept = memory()
    feed(kept, failed(25), now=T + 30)
    (before,) = Watch(kept, RULES, T + 30).signals()
    feed(kept, failed(500, start=T + 100), now=T + 700)
    (after,) = Watch(kept, RULES, T + 700).signals()
    assert (after.detail, after.seen, after.until) == (before.detail, before.seen, T + 599 + HOUR)


SEEN = {f"login alice 203.0.113.0/24 publickey {KEY}": T - DAY}
BREAK_INS: Tuple[Tuple[str, List[Row], bool], ...] = (
    ("from the network of the burst", [*failed(25), accepted(T + HOUR)], True),
    ("from a neighbour", [*failed(25), accepted(T + HOUR, address="203.0.113.99")], True),
    ("from elsewhere", [*failed(25), accepted(T + HOUR, address="198.51.100.1")], False),
    ("within a day", [*failed(25), accepted(T + DAY)], True),
    ("after a day", [*failed(25), accepted(T + DAY + 30)], False),
    ("no burst before", [*failed(24), accepted(T + HOUR)], False),
    (
        "one of many addresses",
        [
            *[row for number in range(25) for row in failed(1, start=T + number, address=f"198.51.{number}.1")],
            accepted(T + HOUR, address="198.51.7.1"),
        ],
        True,
    ),
    (
        "a known login that failed once during a burst from elsewhere",
        [*failed(25, address="198.51.100.1"), *failed(1), accepted(T + HOUR, method="publickey")],
        False,
    ),
    ("a known login from the very network", [*failed(25), accepted(T + HOUR, method="publickey")], True),
)


@pytest.mark.parametrize(("rows", "expected"), [case[1:] for case in BREAK_INS], ids=[case[0] for case in BREAK_INS])
def test_login_after_a_burst(rows: List[Row], expected: bool) -> None:
    found = feed(memory(seen=dict(SEEN)), rows, now=rows[-1][0])
    assert (("critical", "ssh_login_after_burst") in found) == expected


LOGINS: Tuple[Tuple[str, Row, List[Tuple[str, str]]], ...] = (
    ("seen before", accepted(T, method="publickey"), []),
    ("from a neighbour of the known address", accepted(T, method="publickey", address="203.0.113.99"), []),
    ("by another method", accepted(T), [("warning", "ssh_first_login")]),
    ("from another network", accepted(T, method="publickey", address="203.0.114.7"), [("warning", "ssh_first_login")]),
    ("of another user", accepted(T, method="publickey", user="bob"), [("warning", "ssh_first_login")]),
    ("of root", accepted(T, method="publickey", user="root"), [("critical", "ssh_first_login")]),
    ("expected", accepted(T, user="ci"), []),
    ("from nowhere that can be told", accepted(T, address="UNKNOWN"), [("warning", "ssh_first_login")]),
)


@pytest.mark.parametrize(("row", "expected"), [case[1:] for case in LOGINS], ids=[case[0] for case in LOGINS])
def test_first_logins(row: Row, expected: List[Tuple[str, str]]) -> None:
    assert feed(memory(seen=dict(SEEN)), [row], now=T) == expected


@pytest.mark.weakness(7)
def test_a_known_login_is_forgotten_when_it_stays_away() -> None:
    kept = memory(seen=dict(SEEN))
    later = T - DAY + RULES.seen_ttl
    assert feed(kept, [accepted(later - 1, method="publickey")], now=later - 1) == []
    assert feed(kept, [accepted(later, method="publickey")], now=later) == []
    far = later + RULES.seen_ttl
    assert feed(kept, [accepted(far, method="publickey")], now=far) == [("warning", "ssh_first_login")]


def test_a_login_stays_an_alert_until_it_is_accepted() -> None:
    kept = memory()
    assert feed(kept, [accepted(T)], now=T) == [("warning", "ssh_first_login")]
    assert feed(kept, [], now=T + DAY) == []
    assert feed(kept, [accepted(T + 2 * DAY)], now=T + 2 * DAY) == [("warning", "ssh_first_login")]
    kept = learn(kept, ("login alice 203.0.113.0/24 password -",))
    assert feed(kept, [accepted(T + 3 * DAY)], now=T + 3 * DAY) == []
    assert kept["pending"] == {}


def test_accepting_one_login_leaves_the_other() -> None:
    kept = memory()
    feed(kept, [accepted(T), accepted(T, user="root")], now=T)
    kept = learn(kept, ("login alice 203.0.113.0/24 password -", "login nobody - - -"))
    assert feed(kept, [], now=T) == [("critical", "ssh_first_login")]


@pytest.mark.weakness(7)
def test_before_the_first_acceptance_logins_fill_the_plan() -> None:
    kept = memory(accepted=False)
    assert feed(kept, [accepted(T), accepted(T + 1, user="root")], now=T + 1) == []
    assert sorted(kept["pending"]) == [
        "login alice 203.0.113.0/24 password -",
        "login root 203.0.113.0/24 password -",
    ]
    kept = learn(kept, ())
    assert feed(kept, [accepted(T + 2)], now=T + 2) == [("warning", "ssh_first_login")]


def test_what_anybody_can_write_is_one_alert_an_hour_and_never_known() -> None:
    kept = memory(seen=dict(SEEN))
    rows = [accepted(T + number, user="root", address=f"198.51.{number}.1") for number in range(50)]
    assert feed(kept, [*failed(25), *rows], now=T + 50, trusted=False) == [BURST, ("warning", "ssh_login_unverified")]
    (alert,) = [s for s in Watch(kept, RULES, T + 50).signals() if s.code == "ssh_login_unverified"]
    assert alert.detail == "the first: root from 198.51.0.1, method password"
    assert (kept["seen"], kept["pending"]) == (SEEN, {})


def test_memory_is_bounded() -> None:
    kept = memory()
    rows: List[Row] = []
    for number in range(6000):
        address = f"10.{number >> 8}.{number & 255}.1"
        rows += failed(1, start=T + number, address=address)
        rows.append((T + number, f"Connection closed by invalid user x {address} port 9 [preauth]"))
        rows.append(accepted(T + number, address=address))
    feed(kept, rows, now=T + 6000)
    assert len(canonical.dumps(kept)) < 1_000_000
    more = [signal.title for signal in Watch(kept, RULES, T + 6000).signals() if signal.code == "ssh_more"]
    # 6,000 first logins, of them 5,976 after the burst began, and two bursts; 256 stand.
    assert more == ["11722 more SSH alerts than can be listed"]
    assert len(Watch(kept, RULES, T + 6000).signals()) == 257


def test_a_busy_network_is_not_pushed_out_of_memory() -> None:
    kept = memory()
    flood = [row for n in range(4000) for row in failed(1, start=T + 60 + n, address=f"10.{n >> 8}.{n & 255}.1")]
    found = feed(kept, [*failed(25), *flood, accepted(T + 5000)], now=T + 5000)
    assert ("critical", "ssh_login_after_burst") in found


def test_login_key_can_be_read_back() -> None:
    event = Event("accepted", "a b", "203.0.113.7", 9, "publickey", KEY, login=True)
    login = {"user": event.user or "", "network": "203.0.113.0/24", "method": "publickey", "key": KEY}
    assert login_key(login).rsplit(" ", 3) == ["login a b", "203.0.113.0/24", "publickey", KEY]
