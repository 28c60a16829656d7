# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Internet does to every public server is no reason to wake anybody."""

from __future__ import annotations

from typing import List

from support.sshd import KEYS_FOR_ROOT, RULES, Row, T, failed, feed, memory

BURST = ("info", "ssh_failure_burst")
AGAINST_ACCOUNT = ("warning", "ssh_failure_burst")


def test_a_public_server_under_constant_attack_is_quiet() -> None:
    """2,000 failures an hour for a day, 300 networks, the busiest at root with 100 an hour: nothing to ship."""
    users = ("root", "admin", "oracle", "alice", "ubuntu")
    rows: List[Row] = []
    for number in range(48_000):
        attacker = number % 20 and 1 + number % 300
        user = users[number % 5] if attacker else "root"
        known = "" if user in RULES.accounts else "invalid user "
        text = f"Failed password for {known}{user} from 10.{attacker >> 8}.{attacker & 255}.{number % 250} port 9 ssh2"
        rows.append((T + number * 9 // 5, text))
    kept = memory()
    stands = {
        severity
        for start in range(0, len(rows), 2000)
        for severity, _ in feed(kept, rows[start : start + 2000], now=rows[start][0], rules=KEYS_FOR_ROOT)
    }
    assert stands == {"info"}


def test_whom_no_password_lets_in_is_no_aim() -> None:
    assert feed(memory(), failed(100, user="root"), now=T + 100, rules=KEYS_FOR_ROOT) == [BURST]
    assert feed(memory(), failed(100, user="alice"), now=T + 100, rules=KEYS_FOR_ROOT) == [AGAINST_ACCOUNT]
