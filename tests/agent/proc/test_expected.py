# SPDX-License-Identifier: GPL-3.0-or-later
"""Announced ports: what is an entry, what is not, and what each one covers."""

from __future__ import annotations

from typing import Tuple, Union

import pytest
from vps_sentry.proc.expected import ExpectedPort, parse
from vps_sentry.proc.keys import Key

WG = {"exe": "/usr/bin/wg", "unit": "wg.service", "user": "root"}
NC = {"exe": "/usr/bin/nc", "unit": "none", "user": "root"}
DELETED = {"exe": "/usr/bin/wg (deleted)", "unit": "wg.service", "user": "root"}


@pytest.mark.parametrize(
    ("entry", "port", "owner", "covered"),
    [
        ("tcp:22", ("tcp", 22), NC, True),
        ("tcp:22", ("tcp", 2222), NC, False),
        ("tcp:22", ("udp", 22), NC, False),
        ("tcp:3100-3199", ("tcp", 3099), NC, False),
        ("tcp:3100-3199", ("tcp", 3100), NC, True),
        ("tcp:3100-3199", ("tcp", 3199), NC, True),
        ("tcp:3100-3199", ("tcp", 3200), NC, False),
        ("raw:1", ("raw", 1), NC, True),
        (ExpectedPort("udp:51820"), ("udp", 51820), NC, True),
        (ExpectedPort("udp:51820", "/usr/bin/wg"), ("udp", 51820), WG, True),
        (ExpectedPort("udp:51820", "/usr/bin/wg"), ("udp", 51820), NC, False),
        (ExpectedPort("udp:51820", "/usr/bin/wg"), ("udp", 51820), DELETED, False),
        ("packet:35020", ("packet", 35020), NC, True),
        ("tcp:80", ("tcp", 80, "docker-*.scope"), NC, False),
        (ExpectedPort("tcp:80", namespace="docker-*.scope"), ("tcp", 80, "docker-*.scope"), NC, True),
        (ExpectedPort("tcp:80", namespace="*"), ("tcp", 80, "netns blue"), NC, True),
        (ExpectedPort("tcp:80", namespace="*"), ("tcp", 80), NC, False),
    ],
)
def test_an_entry_covers_its_ports(
    entry: Union[str, ExpectedPort], port: Tuple[str, int, str], owner: dict[str, str], covered: bool
) -> None:
    place = Key(port[0], port[1], "wildcard", *port[2:])
    assert parse(entry).covers(place, held_by=[owner]) is covered


def test_a_second_program_beside_the_expected_one_is_not_expected() -> None:
    assert not parse(ExpectedPort("udp:51820", "/usr/bin/wg")).covers(Key("udp", 51820, "wildcard"), held_by=[WG, NC])


@pytest.mark.parametrize(
    "port",
    [
        *("22", "tcp", "tcp:", "tcp:0", "tcp:65536", "tcp:30-20", "tcp:1-", "tcp:-1", "tcp: 22", "TCP:22", "sctp:22"),
        *("tcp:22,80", "tcp:22\n", "tcp:٢٢", "raw:256", "tcp:1-2-3", "tcp:000022", ""),
    ],
)
def test_anything_else_is_refused_by_name(port: str) -> None:
    with pytest.raises(ValueError, match=r"^expected: ") as caught:
        parse(port)
    assert repr(port) in str(caught.value)


def test_a_program_is_named_by_its_path() -> None:
    with pytest.raises(ValueError, match="'tcp:443' has exe 'nginx', which is not an absolute path"):
        parse(ExpectedPort("tcp:443", "nginx"))
