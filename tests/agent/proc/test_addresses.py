# SPDX-License-Identifier: GPL-3.0-or-later
"""Address classes of docs/contracts.md section 7, at their edges."""

from __future__ import annotations

import socket

import pytest
from vps_sentry.proc import addresses


@pytest.mark.parametrize(
    ("written", "bind", "text"),
    [
        ("0.0.0.0", "wildcard", "0.0.0.0"),
        ("::", "wildcard", "::"),
        ("::ffff:0.0.0.0", "wildcard", "0.0.0.0"),
        ("127.0.0.1", "loopback", "127.0.0.1"),
        ("127.255.255.255", "loopback", "127.255.255.255"),
        ("126.255.255.255", "public", "126.255.255.255"),
        ("128.0.0.0", "public", "128.0.0.0"),
        ("::1", "loopback", "::1"),
        ("::2", "public", "::2"),
        ("100::1", "public", "100::1"),
        ("::ffff:127.0.0.1", "loopback", "127.0.0.1"),
        ("::ffff:8.8.8.8", "public", "8.8.8.8"),
        ("::ffff:10.1.2.3", "private", "10.1.2.3"),
        ("10.0.0.0", "private", "10.0.0.0"),
        ("10.255.255.255", "private", "10.255.255.255"),
        ("11.0.0.0", "public", "11.0.0.0"),
        ("172.15.255.255", "public", "172.15.255.255"),
        ("172.16.0.0", "private", "172.16.0.0"),
        ("172.31.255.255", "private", "172.31.255.255"),
        ("172.32.0.0", "public", "172.32.0.0"),
        ("192.168.0.1", "private", "192.168.0.1"),
        ("192.169.0.1", "public", "192.169.0.1"),
        ("100.63.255.255", "public", "100.63.255.255"),
        ("100.64.0.0", "private", "100.64.0.0"),
        ("100.127.255.255", "private", "100.127.255.255"),
        ("100.128.0.0", "public", "100.128.0.0"),
        ("169.254.169.254", "private", "169.254.169.254"),
        ("fbff::1", "public", "fbff::1"),
        ("fc00::", "private", "fc00::"),
        ("fdff::1", "private", "fdff::1"),
        ("fe7f::1", "public", "fe7f::1"),
        ("fe80::1", "private", "fe80::1"),
        ("febf::1", "private", "febf::1"),
        ("fec0::1", "public", "fec0::1"),
        ("2001:db8::1", "public", "2001:db8::1"),
        ("a00::", "public", "a00::"),
    ],
)
def test_an_address_is_classed_by_who_reaches_it(written: str, bind: str, text: str) -> None:
    packed = socket.inet_pton(socket.AF_INET6 if ":" in written else socket.AF_INET, written)
    address = addresses.unwrap(packed)
    assert (addresses.classify(address), addresses.text(address)) == (bind, text)
