# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes about the user that collects: each is named before sshd would pass over the key without a word."""

from __future__ import annotations

from typing import List

import pytest
from ansible_collections.vps_sentry.fleet.plugins.plugin_utils.collector import mistakes

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q"
GOOD: List[List[str]] = [
    [],
    ["10.0.0.5"],
    ["10.0.0.0/24", "2001:db8::/32", "fe80::1"],
    ["*.example.com", "!bad.example.com"],
    ["192.0.2.1", "!192.0.2.0/25", "controller-1"],
    ["0.0.0.0/0"],
]


@pytest.mark.parametrize("origins", GOOD)
def test_what_sshd_takes(origins: List[str]) -> None:
    assert [] == mistakes("sentry-collect", keys=[KEY, f"{KEY} who@where"], origins=origins)


ORIGINS = [
    pytest.param("10.0.0.5/24", "write 10.0.0.0/24, or 10.0.0.5 for it alone", id="host bits: nobody would get in"),
    pytest.param("!10.0.0.5/24", "write 10.0.0.0/24", id="the same, excluded"),
    pytest.param("2001:db8::1/32", "write 2001:db8::/32, or 2001:db8::1", id="host bits of IPv6"),
    pytest.param("10.0.0.0/33", "is no network", id="more bits than there are"),
    pytest.param("10.0.0.0/255.255.255.0", "write 10.0.0.0/24", id="a mask, which sshd does not read"),
    pytest.param("10.0.0.0/", "is no network", id="no bits"),
    pytest.param("10.0.0.256", "is no address", id="a slip of the finger"),
    pytest.param("::12345", "is no address", id="a slip in IPv6"),
    pytest.param("10.0.0.1,10.0.0.2", "is no address, network or name", id="two in one entry"),
    pytest.param('a",command="sh', "is no address, network or name", id="out of the quotes"),
    pytest.param("a b", "is no address, network or name", id="a blank ends the options"),
    pytest.param("a\nssh-ed25519 AAAA", "is no address, network or name", id="a line of its own"),
    pytest.param("", "is no address, network or name", id="nothing"),
]


@pytest.mark.parametrize(("origin", "words"), ORIGINS)
def test_origins_that_lock_the_key_out(origin: str, words: str) -> None:
    (said,) = mistakes("sentry-collect", keys=[KEY], origins=["198.51.100.7", origin])

    assert words in said
    assert said.isprintable()


def test_a_list_of_exceptions_alone_lets_nobody_in() -> None:
    (said,) = mistakes("sentry-collect", keys=[KEY], origins=["!10.0.0.1"])

    assert "lets nobody in" in said


KEYS = [
    pytest.param(f"{KEY}\n{KEY}", id="two lines: the second would have no restriction"),
    pytest.param(f'command="sh" {KEY}', id="options of its own"),
    pytest.param("-----BEGIN OPENSSH PRIVATE KEY-----", id="the wrong file"),
    pytest.param("ssh-ed25519 AAAA", id="cut off"),
    pytest.param(KEY.replace("ssh-ed25519", "ssh-rsa"), id="a name that is not the key's own"),
    pytest.param("", id="nothing"),
    pytest.param(f"{KEY} a\x1b[2Jb", id="a comment that paints"),
]


@pytest.mark.parametrize("key", KEYS)
def test_keys_that_are_none(key: str) -> None:
    (said,) = mistakes("sentry-collect", keys=[key], origins=[])

    assert "not one public key" in said


@pytest.mark.parametrize("user", ["ALL", "root", "a b", "%sudo", "../x", "x" * 40, "-x"])
def test_names_that_sudoers_or_a_path_would_read_otherwise(user: str) -> None:
    (said,) = mistakes(user, keys=[KEY], origins=[])

    assert "no name for a user of its own" in said


def test_a_user_needs_a_key_and_without_a_user_nothing_is_judged() -> None:
    assert ["vps_sentry_collect_user needs"] == [said[:29] for said in mistakes("collect", keys=[], origins=[])]
    assert [] == mistakes("", keys=["x"], origins=["10.0.0.5/24"])
