# SPDX-License-Identifier: GPL-3.0-or-later
"""The built-in list: which homes it reaches into and what it leaves out."""

from __future__ import annotations

from typing import Tuple

import pytest
from vps_sentry.watch import defaults, patterns
from vps_sentry.watch.sight import sight


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(b"root:x:0:0:root:/root:/bin/bash", (b"/root",), id="root"),
        pytest.param(b"root:x:0:0:root:/root:/usr/sbin/nologin", (b"/root",), id="root without a shell all the same"),
        pytest.param(b"toor:x:00:0::/toor:/bin/false", (b"/toor",), id="uid 0 written otherwise"),
        pytest.param(b"web:x:33:33::/var/www:/usr/sbin/nologin", (), id="nologin"),
        pytest.param(b"web:x:33:33::/var/www:/bin/false", (), id="false"),
        pytest.param(b"web:x:33:33::/var/www:/usr/sbin/nologin ", (b"/var/www",), id="a shell that only looks like it"),
        pytest.param(b"eve:x:1:1::/home/eve:", (b"/home/eve",), id="no shell means /bin/sh"),
        pytest.param(b"eve:x:1:1::/home/\xffeve*:/bin/sh", (b"/home/\xffeve*",), id="home that is no text"),
        pytest.param(b"eve:x:1:1::home:/bin/sh", (), id="home that is no path"),
        pytest.param(b"eve:x:1:1::/a\0b:/bin/sh", (), id="NUL in the home"),
        pytest.param(b"eve:x:1", (), id="cut off"),
        pytest.param(b"+::::::", (), id="NIS"),
        pytest.param(b"", (), id="nothing"),
    ],
)
def test_homes_of_those_who_can_log_in(line: bytes, expected: Tuple[bytes, ...]) -> None:
    assert defaults.login_homes(line + b"\n") == expected


def test_one_home_of_two_accounts_is_one() -> None:
    assert defaults.login_homes(b"a:x:1:1::/h:/bin/sh\nb:x:2:2::/h:/bin/sh") == (b"/h",)


def test_a_pattern_in_a_home_is_no_pattern() -> None:
    bases = {entry.base for entry in defaults.account_targets(b"eve:x:1:1::/home/*:/bin/sh")}

    assert bases == {b"/home/*/", b"/home/*/.config/", b"/home/*/.config/systemd/"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/etc/mtab", True),
        ("/etc/passwd-", True),
        ("/etc/passwd", True),
        ("/etc/shadow", True),
        ("/etc/shadow.new", False),
        ("/etc/ld.so.cache", True),
        ("/etc/ld.so.preload", False),
        ("/etc/selinux/targeted/active/modules/x", True),
        ("/etc/selinux/config", False),
        ("/etc/cups/subscriptions.conf.O", True),
        ("/etc/.git/objects/aa/bb", True),
        ("/etc/.git/hooks/post-commit", False),
        ("/etc/x/.git/objects", True),
        ("/usr/etc/mtab", False),
    ],
)
def test_what_is_left_out(path: str, expected: bool) -> None:
    assert any(patterns.covers(pattern, path.encode()) for pattern in defaults.exclusions()) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/root/.ssh/authorized_keys", "content"),
        ("/root/.ssh/authorized_keys2", "content"),
        ("/root/.ssh/config", "content"),
        ("/root/.ssh/rc", "content"),
        ("/root/.ssh/environment", "content"),
        ("/root/.ssh/id_ed25519", "metadata"),
        ("/root/.ssh/known_hosts", "metadata"),
        ("/root/.ssh/deeper/key", "metadata"),
        ("/root/.bashrc", "content"),
        ("/root/.bash_history", "metadata"),
        ("/etc/letsencrypt/live/x/cert.pem", "unlinked"),
        ("/etc/letsencrypt/archive/x/cert1.pem", "directories"),
        ("/etc/letsencrypt/renewal-hooks/deploy/x", "content"),
        ("/var/spool/anacron/cron.daily", "metadata"),
        ("/run/systemd/system/x.service", "metadata"),
    ],
)
def test_how_closely_a_place_is_looked_at(path: str, expected: str) -> None:
    directory, _, name = path.rpartition("/")

    assert sight(directory.encode() + b"/", name.encode()) == expected
