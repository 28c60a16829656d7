# SPDX-License-Identifier: GPL-3.0-or-later
"""What real sshd of three Debian releases logged about real connections."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, Tuple

import pytest
from vps_sentry.sshlog.messages import parse

CASES = Path(__file__).parents[2] / "cases" / "ssh_auth"


@pytest.mark.parametrize("release", ["bullseye", "bookworm", "trixie"])
def test_every_message_of_real_sshd_is_recognised(release: str) -> None:
    unknown = [record["MESSAGE"] for record in records(release) if parse(record["MESSAGE"].encode()) is None]
    assert unknown == []


@pytest.mark.parametrize("release", ["bullseye", "bookworm", "trixie"])
def test_no_real_message_names_another_address_than_the_client(release: str) -> None:
    events = [parse(record["MESSAGE"].encode()) for record in records(release)]
    assert {event.address for event in events if event and event.address} == {"10.88.0.1"}


@pytest.mark.parametrize("release", ["bullseye", "bookworm", "trixie"])
def test_attempts_of_real_connections(release: str) -> None:
    found: Dict[str, int] = {}
    for record in records(release):
        event = parse(record["MESSAGE"].encode())
        found[record["case"]] = found.get(record["case"], 0) + (event.attempts if event else 0)
    assert {case: count for case, count in found.items() if count} == {
        "failed_password_valid_user": 1,
        "failed_password_root": 1,
        "failed_password_invalid_user": 1,
        "max_auth_attempts_valid": 6,
        "max_auth_attempts_invalid": 6,
        "denied_user": 1,
        "user_empty": 1,
        "user_log_injection": 1,
        "user_newline_injection": 1,
        "user_utf8_escape": 1,
        "user_long": 1,
        # OpenSSH 9.8 and later stop listening to the address before the eighth.
        "eight_failed_in_a_row_without_restart": 7 if release == "trixie" else 8,
    }


def records(release: str) -> Tuple[Dict[str, str], ...]:
    lines = (CASES / f"{release}.jsonl").read_text().splitlines()
    return tuple(json.loads(line) for line in lines)
