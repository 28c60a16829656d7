# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of crontabs and scripts of at, well meant and not."""

from __future__ import annotations

import pytest
from vps_sentry.launch.crontab import AtJob, Job, Line, Malformed, Variable, parse, parse_anacron, parse_at

SYSTEM = [
    pytest.param(b"17 * * * * root a b", Job(b"17 * * * *", b"root", b"a b"), id="plain"),
    pytest.param(b"\t17\t* *  * *\troot\ta  b", Job(b"17 * * * *", b"root", b"a  b"), id="any blanks"),
    pytest.param(b"@reboot root a", Job(b"@reboot", b"root", b"a"), id="a word"),
    pytest.param(b"@noon root a", Malformed(b"@noon root a"), id="a word that is none"),
    pytest.param(b"0-59/5,7 1~3 * jan-mar mon ann a", Job(b"0-59/5,7 1~3 * jan-mar mon", b"ann", b"a"), id="ranges"),
    pytest.param(b"-*/5 * * * * root a", Job(b"-*/5 * * * *", b"root", b"a"), id="cronie's mark of silence"),
    pytest.param(b"* * * * * root", Malformed(b"* * * * * root"), id="no command"),
    pytest.param(b"* * * * * root x=1", Job(b"* * * * *", b"root", b"x=1"), id="an assignment as command"),
    pytest.param(b"* * * * * root a%b\\%c", Job(b"* * * * *", b"root", b"a%b\\%c"), id="input behind a percent sign"),
    pytest.param(b"A=1", Variable(b"A", b"1"), id="a variable"),
    pytest.param(b" A = ' x ' ", Variable(b"A", b" x "), id="a quoted one"),
    pytest.param(b'"A B"=1', Variable(b"A B", b"1"), id="a quoted name"),
    pytest.param(b"A=", Variable(b"A", b""), id="emptied"),
    pytest.param(b"* * * * * r\xffot a\x00b", Job(b"* * * * *", b"r\xffot", b"a\x00b"), id="no text"),
]


@pytest.mark.parametrize(("text", "expected"), SYSTEM)
def test_a_line_of_a_system_table(text: bytes, expected: Line) -> None:
    assert [expected] == list(parse(b"# comment\n\n" + text + b"\n", system=True))


def test_a_users_table_has_no_user_in_its_lines() -> None:
    assert [Job(b"* * * * *", b"", b"root a")] == list(parse(b"* * * * * root a", system=False))


ANACRON = [
    pytest.param(b"1 5 d x", Job(b"every 1 days, 5 minutes after the start", b"root", b"x"), id="days"),
    pytest.param(b"@monthly 5 m x", Job(b"@monthly, 5 minutes after the start", b"root", b"x"), id="a word"),
    pytest.param(b"RANDOM_DELAY=45", Variable(b"RANDOM_DELAY", b"45"), id="a variable"),
    pytest.param(b"1 x y z", Malformed(b"1 x y z"), id="no number"),
]


@pytest.mark.parametrize(("text", "expected"), ANACRON)
def test_a_line_of_an_anacrontab(text: bytes, expected: Line) -> None:
    assert [expected] == [line for line, _ in parse_anacron(text)]


FRAME = b"cd /x\\ y || {\n\t echo 'Execution directory inaccessible' >&2\n\t exit 1\n}\n"
HERE = b"${SHELL:-/bin/sh} << E\n"
AT = [
    pytest.param(b"# atrun uid=5 gid=5\numask 22\n" + FRAME + b"a\nb\n", (5, (b"a", b"b")), id="as at writes it"),
    pytest.param(b"umask 22\nevil\n" + FRAME + b"a\n", (-1, (b"evil", b"a")), id="in front of the frame"),
    pytest.param(b"A=1; export A\nB=$(evil); export B\n", (-1, (b"B=$(evil); export B",)), id="as a variable"),
    pytest.param(b"a\n\tb\n", (-1, (b"a", b"b")), id="no frame: every line counts"),
    pytest.param(b"# atrun uid=99999999999 gid=0\na\n", (-1, (b"a",)), id="no number of a user"),
    pytest.param(b"", (-1, ()), id="empty"),
    pytest.param(FRAME + HERE + b"#x\na\n}\nE\nb\n", (-1, (b"a", b"}", b"b")), id="behind the frame's end"),
]


@pytest.mark.parametrize(("data", "expected"), AT)
def test_a_job_of_at(data: bytes, expected: tuple[int, tuple[bytes, ...]]) -> None:
    found: AtJob = parse_at(data)

    assert expected == (found.uid, found.commands)
