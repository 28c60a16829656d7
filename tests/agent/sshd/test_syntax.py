# SPDX-License-Identifier: GPL-3.0-or-later
"""sshd_config as sshd reads it: words, quotes, comments, Include and where a Match ends."""

from __future__ import annotations

from typing import Dict, List, Tuple

import pytest
from vps_sentry.sshd.syntax import DEPTH, Setting, SettingsError, settings

MAIN = "/etc/ssh/sshd_config"


def read(text: bytes, files: Dict[str, bytes] = {}) -> List[Setting]:  # noqa: B006
    def include(wanted: str) -> List[Tuple[str, bytes]]:
        return [(path, data) for path, data in sorted(files.items()) if path.startswith(wanted.rstrip("*"))]

    return settings(MAIN, text, include=include)


WORDS = (
    pytest.param(b"PermitRootLogin no", ("permitrootlogin", ("no",)), id="plain"),
    pytest.param(b"  pErMiTrOoTlOgIn\tNO", ("permitrootlogin", ("NO",)), id="case of the keyword, indented by a tab"),
    pytest.param(b"PermitRootLogin=no", ("permitrootlogin", ("no",)), id="equals sign"),
    pytest.param(b"PermitRootLogin = no", ("permitrootlogin", ("no",)), id="equals sign between blanks"),
    pytest.param(b'"PermitRootLogin" "no"', ("permitrootlogin", ("no",)), id="quoted keyword and value"),
    pytest.param(
        b"AllowUsers 'a b' c\\ d e\\\"f", ("allowusers", ("a b", "c d", 'e"f')), id="both quotes, backslashes"
    ),
    pytest.param(b"AllowUsers a # b", ("allowusers", ("a",)), id="comment behind it"),
    pytest.param(b"AllowUsers a#b", ("allowusers", ("a#b",)), id="a # within a word is none"),
    pytest.param(b"PermitRootLogin no \r", ("permitrootlogin", ("no",)), id="written on Windows"),
    pytest.param(b"AllowUsers \xe2\x80\xaeroot", ("allowusers", ("\\xe2\\x80\\xaeroot",)), id="what fools the eye"),
)


@pytest.mark.parametrize(("line", "expected"), WORDS)
def test_one_line(line: bytes, expected: Tuple[str, Tuple[str, ...]]) -> None:
    (found,) = read(line)
    assert (found.keyword, found.arguments) == expected
    assert found.place == f"{MAIN}:1"


@pytest.mark.parametrize("line", [b"", b"   ", b"# PermitRootLogin yes", b" \t# x", b"\r"])
def test_nothing_is_said(line: bytes) -> None:
    assert read(line) == []


REFUSED = (
    pytest.param(b"AllowUsers 'a", "quote is not closed", id="open quote"),
    pytest.param(b"PermitRootLogin", "says nothing", id="no value"),
    pytest.param(b"\nPermitRootLogin #no", f"{MAIN}:2", id="value behind a comment; the line is named"),
    pytest.param(b"Include /loop", "too deep", id="a file that includes itself"),
)


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_what_sshd_would_refuse(text: bytes, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        read(text, {"/loop": b"Include /loop"})
    assert DEPTH == 16


def test_a_match_goes_on_to_the_end_of_its_file_and_no_further() -> None:
    """servconf.c: a Match in an included file ends with it; an Include in a Match is under it."""
    found = read(
        b"Include /d/*\nLogLevel INFO\nMatch User bob\nX11Forwarding no\nInclude /e\nBanner x\nMatch all\nUseDNS no\n",
        {
            "/d/1": b"Match User eve\nLogLevel QUIET\n",
            "/d/2": b"UsePAM yes\n",
            "/e": b"Match Group g\nLogLevel ERROR\n",
        },
    )
    assert [(s.keyword, s.conditions) for s in found] == [
        ("loglevel", (("User", "eve"),)),
        ("usepam", ()),
        ("loglevel", ()),
        ("x11forwarding", (("User", "bob"),)),
        ("loglevel", (("User", "bob"), ("Group", "g"))),
        ("banner", (("User", "bob"),)),
        ("usedns", (("all",),)),
    ]
