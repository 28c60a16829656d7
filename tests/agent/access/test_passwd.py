# SPDX-License-Identifier: GPL-3.0-or-later
"""passwd(5) and its kin as glibc reads them, the odd lines named."""

from __future__ import annotations

from typing import List, Optional, Tuple

import pytest
from vps_sentry.access import passwd
from vps_sentry.access.accounts import describe

LINES = [
    pytest.param(b"a:x:0:0::/:/bin/sh", [("a", 0)], [], id="as useradd writes it"),
    pytest.param(b"a::0:0", [("a", 0)], ["has 4 of 7 fields"], id="glibc is content with four"),
    pytest.param(b"a:x:0", [], ["has 3 of 7 fields"], id="but not with three"),
    pytest.param(b" \ta:x:0:0:::", [("a", 0)], ["has a name that no tool would give"], id="blanks before a name"),
    pytest.param(b"a:x: +0:0:::", [("a", 0)], ["writes its uid or gid in an unusual way"], id="blank and plus"),
    pytest.param(b"a:x:-0:0:::", [("a", 0)], ["writes its uid or gid in an unusual way"], id="minus zero is zero"),
    pytest.param(b"a:x:0x0:0:::", [], ["has a uid or gid that is no number"], id="no hexadecimal"),
    pytest.param(b"a:x::0:::", [], ["has a uid or gid that is no number"], id="no uid"),
    pytest.param(b"# a:x:0:0:::", [], [], id="a comment"),
    pytest.param(b":x:0:0:::", [], ["has a name that no tool would give"], id="no name: glibc has no such account"),
    pytest.param(b"a:x:0:0:::/bin/sh:/x", [("a", 0)], ["has more than 7 fields"], id="a colon in the shell"),
]


@pytest.mark.weakness(13)
@pytest.mark.parametrize(("line", "accounts", "odd"), LINES)
def test_lines_of_passwd(line: bytes, accounts: List[Tuple[str, int]], odd: List[str]) -> None:
    found, rows = passwd.accounts(line + b"\n\n")

    assert accounts == [(account.name.decode(), account.uid) for account in found]
    assert odd == [entry.reason for entry in rows.odd]


def test_a_number_too_large_is_cut_off_as_glibc_cuts_it() -> None:
    assert 2**32 - 1 == passwd.number(b"4294967296") == passwd.number(b"-1") == passwd.number(b"9" * 20)
    assert 2**32 - 1 == passwd.number(b"9" * 100_000)
    assert 0 == passwd.number(b"0" * 40) == passwd.number(b"\v\f+0")
    assert None is passwd.number("٣".encode()) is passwd.number(b"")


GROUPS = [
    pytest.param(b"g:x:7:a, b,,c", ("a", "b", "c"), id="blanks and gaps between members"),
    pytest.param(b"g:x:7", (), id="no members field"),
]


@pytest.mark.parametrize(("line", "members"), GROUPS)
def test_lines_of_group(line: bytes, members: Tuple[str, ...]) -> None:
    ((group,), _) = passwd.groups(line)

    assert members == tuple(name.decode() for name in group.members)


def test_of_two_lines_of_shadow_the_first_counts_and_the_second_is_told() -> None:
    secrets, rows = passwd.secrets(b"a:one:1::::::\na:two:2::::::\n")

    assert b"one" == secrets[b"a"].password
    assert [("a", "stands twice")] == [tuple(entry) for entry in rows.odd]


def test_what_stands_first_in_a_broken_line_is_not_repeated() -> None:
    """It may be a hash with its name cut off."""
    _, rows = passwd.secrets(b"$y$j9T$secret\n")

    assert "($" not in rows.odd[0].name
    assert "secret" not in str(rows.odd)


FIELDS: List[object] = [
    pytest.param(b"", ("none needed", ""), id="empty"),
    pytest.param(b"*", ("", ""), id="star"),
    pytest.param(b"!", ("", ""), id="bang"),
    pytest.param(b"!!", ("", ""), id="as EL writes it"),
    pytest.param(b"!*", ("", ""), id="locked nothing"),
    pytest.param(b"x", ("", ""), id="see shadow"),
    pytest.param(b"$6$salt$abcdefghijk", ("set", "sha512"), id="sha512"),
    pytest.param(b"!$y$j9T$abcdefghij", ("locked", "yescrypt"), id="a hash behind a bang"),
    pytest.param(b"abcdefghijklm", ("set", "des"), id="thirteen characters of DES"),
    pytest.param(b"impossible", ("", ""), id="what no password gives"),
]


@pytest.mark.parametrize(("field", "expected"), FIELDS)
def test_password_fields(field: bytes, expected: Tuple[str, Optional[str]]) -> None:
    assert expected == describe(field)


def test_ranges_of_ids() -> None:
    text = b"a:100000:65536\nb:x:1\n:1:1\nc:1:2:3\n1000:1:2\n"

    assert [(b"a", 100000, 65536), (b"1000", 1, 2)] == list(passwd.ranges(text))
