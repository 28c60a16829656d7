# SPDX-License-Identifier: GPL-3.0-or-later
"""sudoers(5): what lines mean, and what none of them may do to the reader."""

from __future__ import annotations

from typing import List

import pytest
from vps_sentry.access.sudo_syntax import Alias, Default, Include, Rule, parse
from vps_sentry.access.sudo_words import SudoersError


def rule(who: str, command: str, *, hosts: str = "ALL", runas: str = "root", tags: str = "") -> Rule:
    return Rule(who, tuple(hosts.split(",")), runas, tuple(tags.split()), command)


LINES = [
    pytest.param("root ALL=(ALL:ALL) ALL", [rule("root", "ALL", runas="ALL:ALL")], id="root"),
    pytest.param("%sudo\tALL = (ALL : ALL) ALL", [rule("%sudo", "ALL", runas="ALL:ALL")], id="blanks everywhere"),
    pytest.param("deploy ALL=NOPASSWD: ALL", [rule("deploy", "ALL", tags="NOPASSWD")], id="NOPASSWD"),
    pytest.param("deploy ALL=(ALL)NOPASSWD:ALL", [rule("deploy", "ALL", runas="ALL", tags="NOPASSWD")], id="no blanks"),
    pytest.param(
        "a, b h1,h2 = /bin/ls -l, !/bin/cat",
        [
            rule("a", "/bin/ls -l", hosts="h1,h2"),
            rule("b", "/bin/ls -l", hosts="h1,h2"),
            rule("a", "!/bin/cat", hosts="h1,h2"),
            rule("b", "!/bin/cat", hosts="h1,h2"),
        ],
        id="lists of everything",
    ),
    pytest.param(
        "a ALL = NOPASSWD: /bin/x, /bin/y, PASSWD: /bin/z",
        [
            rule("a", "/bin/x", tags="NOPASSWD"),
            rule("a", "/bin/y", tags="NOPASSWD"),
            rule("a", "/bin/z", tags="PASSWD"),
        ],
        id="a tag holds on until its opposite",
    ),
    pytest.param(
        "a ALL=(b) /bin/x, (c) /bin/y, /bin/z",
        [rule("a", "/bin/x", runas="b"), rule("a", "/bin/y", runas="c"), rule("a", "/bin/z", runas="c")],
        id="so does a target",
    ),
    pytest.param(
        "a h1 = /bin/x : h2 = /bin/y",
        [rule("a", "/bin/x", hosts="h1"), rule("a", "/bin/y", hosts="h2")],
        id="several hosts in one line",
    ),
    pytest.param("#1000 ALL=ALL", [rule("#1000", "ALL")], id="a uid is no comment"),
    pytest.param("a ALL=ALL # really", [rule("a", "ALL")], id="a comment behind"),
    pytest.param("# a ALL=ALL", [], id="a comment"),
    pytest.param("%:domain\\ users ALL=ALL", [rule("%:domain\\ users", "ALL")], id="a group of a directory"),
    pytest.param('"a b" ALL=ALL', [rule("a b", "ALL")], id="a quoted name"),
    pytest.param("a fe80::1 = ALL", [rule("a", "ALL", hosts="fe80::1")], id="an IPv6 address"),
    pytest.param("a ALL=/bin/x \\,\\:\\=", [rule("a", "/bin/x \\,\\:\\=")], id="escaped characters"),
    pytest.param("a ALL=/bin/\\\n  x", [rule("a", "/bin/ x")], id="a line that goes on"),
    pytest.param("# note \\\na ALL=ALL", [rule("a", "ALL")], id="a comment does not go on"),
    pytest.param(
        "a ALL=(root) SETENV:CWD=/tmp NOEXEC: /bin/x",
        [rule("a", "/bin/x", tags="CWD=/tmp NOEXEC SETENV")],
        id="tags and options",
    ),
    pytest.param("a ALL=sha256:abc= /bin/x", [rule("a", "sha256:abc= /bin/x")], id="a digest"),
    pytest.param("a ALL=() /bin/x", [rule("a", "/bin/x", runas="(the user)")], id="as oneself"),
    pytest.param("!a ALL=ALL", [rule("!a", "ALL")], id="all but one"),
    pytest.param("a ALL=!!ALL", [rule("a", "ALL")], id="not not"),
    pytest.param("a ALL=sudoedit /etc/motd", [rule("a", "sudoedit /etc/motd")], id="sudoedit"),
    pytest.param(
        "User_Alias A = x, y : B = !z", [Alias("user", "A", ("x", "y")), Alias("user", "B", ("!z",))], id="two aliases"
    ),
    pytest.param("Cmnd_Alias C = /bin/x -a, /bin/y", [Alias("command", "C", ("/bin/x -a", "/bin/y"))], id="commands"),
    pytest.param("Defaults !authenticate", [Default("", "authenticate", "!authenticate")], id="a switch"),
    pytest.param(
        'Defaults:deploy env_keep += "LD_PRELOAD X", !lecture',
        [Default(":deploy", "env_keep", 'env_keep+="LD_PRELOAD X"'), Default(":deploy", "lecture", "!lecture")],
        id="of one user",
    ),
    pytest.param("Defaults!/bin/a,/bin/b noexec", [Default("!/bin/a,/bin/b", "noexec", "noexec")], id="of commands"),
    pytest.param("Defaults timestamp_timeout=-1", [Default("", "timestamp_timeout", "timestamp_timeout=-1")], id="-1"),
    pytest.param("@includedir /etc/sudoers.d", [Include("/etc/sudoers.d", True)], id="includedir"),
    pytest.param("#include /etc/x", [Include("/etc/x", False)], id="the old include is no comment"),
    pytest.param('@include "/etc/a b"', [Include("/etc/a b", False)], id="quoted"),
    pytest.param("@include /etc/a\\ b", [Include("/etc/a b", False)], id="escaped"),
]


@pytest.mark.parametrize(("text", "expected"), LINES)
def test_what_a_line_says(text: str, expected: List[object]) -> None:
    assert expected == [entry for _, entries in parse(text.encode() + b"\n") for entry in entries]


BROKEN = ["a", "a ALL", "a ALL=", "a ALL=ALL ALL=ALL :", "a ALL=(root", '"a ALL=ALL', "User_Alias a = b", "Defaults =",
          "a ALL=NOPASSWD: ,", "@include", "@include /a /b", "= ALL", ", ALL=ALL", "a ALL=/bin/x,"]  # fmt: skip


@pytest.mark.parametrize("text", BROKEN)
def test_what_cannot_be_understood_is_said_and_the_rest_goes_on(text: str) -> None:
    found = [entry for _, entries in parse(f"{text}\nb ALL=ALL\n".encode()) for entry in entries]

    assert isinstance(found[0], SudoersError)
    assert rule("b", "ALL") == found[-1]


HOSTILE = [
    pytest.param(b"\0" * 10_000, id="NUL bytes"),
    pytest.param(b"a," * 50_000, id="an endless list"),
    pytest.param(b"\\\n" * 50_000, id="a line that never ends"),
    pytest.param(b"(" * 50_000, id="parentheses"),
    pytest.param(b'"' * 50_001, id="quotes"),
    pytest.param(b"a ALL=" + b"!" * 100_000 + b"ALL", id="a tower of negations"),
    pytest.param("é\u202e ALL=ALL".encode(), id="letters that turn round"),
    pytest.param(b"\xff\xfe ALL=ALL", id="not UTF-8"),
]


@pytest.mark.parametrize("data", HOSTILE)
def test_hostile_files_end_in_time(data: bytes) -> None:
    assert list(parse(data)) is not None
