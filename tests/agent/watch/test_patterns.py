# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns as people write them, and what the walk makes of them."""

from __future__ import annotations

from typing import Any

import pytest
from vps_sentry.watch import patterns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("/etc", (b"/", (b"etc",)), id="at the top"),
        pytest.param("/etc/ssh/", (b"/etc/", (b"ssh",)), id="slash at the end"),
        pytest.param("/usr/lib/*/security", (b"/usr/lib/", ((b"",), b"security")), id="star in the middle"),
        pytest.param("/i/*.{a,b}", (b"/i/", ((b".a", b".b"),)), id="suffixes"),
        pytest.param("/i/x*", (b"/i/", (((b"x", b""),),)), id="prefix"),
        pytest.param("/i/{a,b*}", (b"/i/", (((b"a",), (b"b", b"")),)), id="literal or prefix"),
        pytest.param("/i/{a,b}/{c,d}", (b"/i/", (((b"a",), (b"b",)), ((b"c",), (b"d",)))), id="alternatives twice"),
        pytest.param("/i/a{1,2}{x,y}", (b"/i/", (((b"a1x",), (b"a1y",), (b"a2x",), (b"a2y",)),)), id="two in a name"),
        pytest.param("/i/{a", (b"/i/", (b"{a",)), id="a brace that never closes is a name"),
        pytest.param("/i/}a{", (b"/i/", (b"}a{",)), id="braces the wrong way round"),
        pytest.param("/i/**/x", (b"/i/", (None, b"x")), id="any depth"),
        pytest.param("/i/\\xff\\x2a", (b"/i/", (((b"\xff", b""),),)), id="bytes as a key prints them"),
    ],
)
def test_a_path_is_split_where_it_stops_being_literal(text: str, expected: Any) -> None:
    assert patterns.split(patterns.absolute(text)) == expected


@pytest.mark.parametrize(
    ("text", "below", "expected"),
    [
        pytest.param("/etc/mtab", b"", (b"/etc/", (b"mtab",)), id="absolute"),
        pytest.param("*.log", b"", (b"/", (None, (b".log",))), id="a name anywhere"),
        pytest.param("*.log", b"/srv", (b"/srv/", (None, (b".log",))), id="a name below a watch"),
        pytest.param("cache/", b"/srv/", (b"/srv/", (None, b"cache")), id="a directory's name"),
        pytest.param("a/b", b"/srv", (b"/srv/a/", (b"b",)), id="a path in a watch"),
        pytest.param("/etc/mtab", b"/srv", (b"/etc/", (b"mtab",)), id="absolute in a watch"),
    ],
)
def test_what_an_exclusion_means(text: str, below: bytes, expected: Any) -> None:
    assert patterns.exclusion(text, below=below) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "names nothing", id="empty"),
        pytest.param("///", "names nothing", id="only slashes"),
        pytest.param("/a\0", "NUL", id="NUL"),
        pytest.param("/a\\x00", "NUL", id="NUL in disguise"),
        pytest.param("/a/..", r"'\.\.'", id="upwards"),
        pytest.param("/**/**/**", "more than 2", id="any depth three times"),
        pytest.param("a", "not an absolute path", id="relative"),
        pytest.param("/\ud800", "surrogates", id="no text"),
    ],
)
def test_what_can_be_no_path(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        patterns.absolute(text)
