# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to jobs: the quiet path is left at once, and one sentence says who runs what and when."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, List, Tuple

import pytest
from support.booth import Booth
from vps_sentry.checks.cron import CHECK
from vps_sentry.launch.jobs import MOST_LINES

CRONTAB = "SHELL=/bin/sh\n# m h dom mon dow user command\n17 * * * * root cd / && run-parts /etc/cron.hourly\n"
CRONTABS = "/var/spool/cron/crontabs"
# 2025-11-24T16:00:00Z, in minutes.
AT = "a00001" + f"{1_764_000_000 // 60:08x}"
AT_JOB = (
    "#!/bin/sh\n# atrun uid=0 gid=0\n# mail root 0\numask 22\nHOME=/root; export HOME\nTOKEN=s3cret; export TOKEN\n"
    'cd /root || {\n\t echo "Execution directory inaccessible" >&2\n\t exit 1\n}\n'
    "${SHELL:-/bin/sh} << 'marcinDELIMITER1a2b'\n/opt/evil\n\nmarcinDELIMITER1a2b\n"
)
HOURLY = "cd / && run-parts /etc/cron.hourly"
Act = Callable[[Booth], object]
Expected = List[Tuple[str, str, str]]


@pytest.fixture(name="booth")
def _booth(tmp_path: Path) -> Booth:
    made = Booth(tmp_path, CHECK)
    made.write("/etc/crontab", CRONTAB)
    made.write("/etc/cron.daily/dpkg", "#!/bin/sh\n", mode=0o755)
    made.at("/etc/cron.d").mkdir()
    made.at("/var/lib/dpkg").mkdir(parents=True)
    return made


def text(path: str, content: str, *, mode: int = 0o644, owner: int = 0) -> Act:
    return lambda booth: os.chown(booth.write(path, content, mode=mode), owner, owner)


def link(path: str, target: str) -> Act:
    return lambda booth: booth.link(path, target)


CASES = [
    pytest.param(
        text("/etc/cron.d/x", "*/5 * * * * root /opt/evil\n"),
        [("cron_job_added", "warning", "/etc/cron.d/x: root runs /opt/evil, */5 * * * *")],
        id="A13 in cron.d",
    ),
    pytest.param(
        text("/etc/cron.d/x.y", "*/5 * * * * root /opt/evil\n"),
        [("cron_job_added", "warning", "/etc/cron.d/x.y: root runs /opt/evil, */5 * * * * (not run: its name)")],
        id="A13 under a name that cron does not read",
    ),
    pytest.param(
        text("/etc/cron.d/x", "@reboot root /x\n", mode=0o666),
        [
            (
                "cron_job_added",
                "warning",
                "/etc/cron.d/x: root runs /x, @reboot (not run: others may write to it)",
            )
        ],
        id="A13 open to others",
    ),
    pytest.param(
        text("/etc/crontab", CRONTAB + "@reboot root /tmp/evil\n"),
        [
            (
                "cron_suspicious",
                "critical",
                "/etc/crontab: root runs /tmp/evil, @reboot: /tmp/evil lies where everybody may write",
            )
        ],
        id="A13 in the system's own table, from /tmp",
    ),
    pytest.param(
        text("/etc/crontab", CRONTAB.replace("17", "*")),
        [
            (
                "cron_job_changed",
                "warning",
                "/etc/crontab: root runs cd / && run-parts /etc/cron.hourly, * * * * *; before: 17 * * * *",
            )
        ],
        id="other times",
    ),
    pytest.param(
        text(f"{CRONTABS}/root", "0 4 * * * /opt/evil\n", mode=0o600),
        [("cron_job_added", "warning", f"{CRONTABS}/root: root runs /opt/evil, 0 4 * * *")],
        id="A14 root's own, Debian",
    ),
    pytest.param(
        text("/var/spool/cron/ann", "0 4 * * * /opt/evil\n", mode=0o600),
        [("cron_job_added", "warning", "/var/spool/cron/ann: ann runs /opt/evil, 0 4 * * *")],
        id="A14 a user's own, EL",
    ),
    pytest.param(
        text(f"{CRONTABS}/ghost", "0 4 * * * /opt/evil\n"),
        [("cron_job_added", "warning", f"{CRONTABS}/ghost: ghost runs /opt/evil, 0 4 * * * (not run: no such user)")],
        id="A14 of a user who is not there yet",
    ),
    pytest.param(
        link(f"{CRONTABS}/root", "/etc/shadow"),
        [("cron_job_added", "warning", f"{CRONTABS}/root: not run: a link")],
        id="A14 a link, which is not opened",
    ),
    pytest.param(
        text("/etc/cron.weekly/x", "#!/bin/sh\n", mode=0o755),
        [("cron_job_added", "warning", "/etc/cron.weekly/x: root runs /etc/cron.weekly/x, cron.weekly")],
        id="A15 periodic",
    ),
    pytest.param(
        text("/etc/cron.hourly/x", "#!/bin/sh\n"),
        [
            (
                "cron_job_added",
                "warning",
                "/etc/cron.hourly/x: root runs /etc/cron.hourly/x, cron.hourly (not run: not executable)",
            )
        ],
        id="A15 not executable yet",
    ),
    pytest.param(
        link("/etc/cron.daily/x", "/dev/shm/x"),
        [
            (
                "cron_job_added",
                "warning",
                "/etc/cron.daily/x: root runs /etc/cron.daily/x, cron.daily (not run: not executable)",
            )
        ],
        id="A15 a link to what is not there yet",
    ),
    pytest.param(
        text(f"/var/spool/cron/atjobs/{AT}", AT_JOB, mode=0o700),
        [
            (
                "cron_job_added",
                "warning",
                f"/var/spool/cron/atjobs/{AT}: root runs /opt/evil, 2025-11-24T16:00:00Z",
            )
        ],
        id="A16 at, Debian",
    ),
    pytest.param(
        text(f"/var/spool/at/{AT}", "/opt/evil\n", mode=0o700, owner=1000),
        [("cron_job_added", "warning", f"/var/spool/at/{AT}: ann runs /opt/evil, 2025-11-24T16:00:00Z")],
        id="A16 at, EL, written by hand",
    ),
    pytest.param(
        text("/etc/anacrontab", "7 10 evil /opt/evil\n"),
        [
            (
                "cron_job_added",
                "warning",
                "/etc/anacrontab: root runs /opt/evil, every 7 days, 10 minutes after the start",
            )
        ],
        id="anacron",
    ),
    pytest.param(
        text("/etc/crontab", "LD_PRELOAD=/opt/evil.so\n" + CRONTAB),
        [
            (
                "cron_suspicious",
                "critical",
                "/etc/crontab: LD_PRELOAD=/opt/evil.so: it makes programs load code by LD_PRELOAD=/opt/evil.so",
            )
        ],
        id="a library for all jobs",
    ),
    pytest.param(
        text("/etc/crontab", "PATH=/dev/shm:/bin\n" + CRONTAB),
        [
            (
                "cron_suspicious",
                "critical",
                "/etc/crontab: PATH=/dev/shm:/bin: programs are looked for in /dev/shm",
            )
        ],
        id="a path of others' programs",
    ),
    pytest.param(
        text("/etc/crontab", CRONTAB.replace("/bin/sh", "/opt/sh")),
        [
            (
                "cron_setting",
                "warning",
                "/etc/crontab: environment now SHELL=/opt/sh; before: SHELL=/bin/sh",
            )
        ],
        id="another shell for all jobs",
    ),
    pytest.param(
        text("/etc/cron.allow", "root\nann\n"),
        [("cron_setting", "warning", "/etc/cron.allow: users now root, ann")],
        id="who may have jobs",
    ),
    pytest.param(
        text("/etc/cron.d/x", "every monday at noon\n"),
        [
            (
                "cron_malformed",
                "warning",
                "/etc/cron.d/x: a line that cron does not understand: every monday at noon",
            )
        ],
        id="a line that is none",
    ),
    pytest.param(
        text("/etc/crontab", "SHELL=/bin/sh\n"),
        [
            (
                "cron_job_removed",
                "info",
                "/etc/crontab: root runs cd / && run-parts /etc/cron.hourly, 17 * * * * is gone",
            )
        ],
        id="taken out",
    ),
]


@pytest.mark.weakness(9)
@pytest.mark.weakness(19)
@pytest.mark.parametrize(("act", "expected"), CASES)
def test_an_action_leaves_the_quiet_path_and_is_told(booth: Booth, act: Act, expected: Expected) -> None:
    before = booth.look()
    quiet = booth.quiet(before)
    stamp = quiet()
    assert stamp == quiet()

    act(booth)

    assert stamp != quiet()
    assert expected == [told[1:] for told in booth.told(before.items, booth.look(before).items)]


def test_what_a_link_leads_to_is_watched_too(booth: Booth) -> None:
    booth.write("/opt/table", "@daily root /opt/one\n")
    booth.link("/etc/cron.d/x", "/opt/table")
    before = booth.look()
    quiet = booth.quiet(before)
    stamp = quiet()
    booth.write("/opt/table", "@daily root /opt/two\n")

    assert stamp != quiet()
    codes = [told[1] for told in booth.told(before.items, booth.look(before).items)]
    assert ["cron_job_added", "cron_job_removed"] == sorted(codes)


def test_what_cron_cannot_read_through_a_link_is_not_shown(booth: Booth) -> None:
    """Whoever can make a link among the tables must not get at other files by what is sent."""
    booth.write("/etc/shadow", "root:$y$secret:1:0:99999:7:::\n", mode=0o600)
    booth.link("/etc/cron.d/x", "/etc/shadow")

    assert "secret" not in repr(booth.look().items)


@pytest.mark.weakness(10)
def test_hostile_tables_are_items_like_any_other(booth: Booth) -> None:
    """1 MB in one line, too many lines, names that are no text, a FIFO, a circle of links, a huge file."""
    booth.write("/etc/cron.d/long", "* * * * * root " + "x" * 1_000_000 + "\n")
    booth.write("/etc/cron.d/many", "".join(f"* * * * * root /bin/{number}\n" for number in range(MOST_LINES + 7)))
    booth.write("/etc/cron.d/\udcff\n", "@daily root /bin/a\x1b[2J\n")
    booth.write("/etc/cron.d/huge", "#" * 2_000_000)
    os.mkfifo(booth.at("/etc/cron.d/fifo"))
    booth.link("/etc/cron.d/loop", "loop")
    found = booth.look().items
    many = [key for key in found if key.startswith("/etc/cron.d/many#")]

    assert MOST_LINES + 1 == len(many)
    assert str(found["/etc/cron.d/many#more"]["malformed"]).startswith("7 more lines [sha256:")
    assert ["larger than 1048576 bytes, not read"] == found["/etc/cron.d/huge"]["unreadable"]
    assert ["not a regular file, not opened"] == found["/etc/cron.d/fifo"]["unreadable"]
    assert ["Too many levels of symbolic links"] == found["/etc/cron.d/loop"]["unreadable"]
    assert len(repr(found)) < 200_000
    (odd,) = (value for key, value in found.items() if key.startswith("/etc/cron.d/\\xff\\x0a#"))
    assert ["/bin/a\\x1b[2J"] == odd["runs"]


def test_every_field_is_described(booth: Booth) -> None:
    for param in CASES:
        param.values[0](booth)  # type: ignore[operator]
    found = booth.look().items

    assert {name for value in found.values() for name in value} <= set(CHECK.columns)
