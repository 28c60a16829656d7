# SPDX-License-Identifier: GPL-3.0-or-later
"""How a change of a file is judged and told."""

from __future__ import annotations

from typing import Any, Optional

import pytest
from vps_sentry.core.model import Change, Rating, Value
from vps_sentry.watch import rating


def file(**fields: Any) -> Value:
    value = {"type": "file", "mode": "0644", "uid": 0, "gid": 0, "size": 3, "nlink": 1, "sha256": "aa", **fields}
    return {name: entry for name, entry in value.items() if entry is not None}


DIRECTORY: Value = {"type": "directory", "mode": "0755", "uid": 0, "gid": 0}
LINK: Value = {"type": "link", "uid": 0, "gid": 0, "target": "a"}
UNREAD = file(sha256=None, truncated=True)


def rated(key: str, before: Optional[Value], after: Optional[Value]) -> Rating:
    kind = "added" if before is None else "removed" if after is None else "changed"
    return rating.rate(Change(kind, "files", key, before, after))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "before", "after", "expected"),
    [
        pytest.param("/etc/cron.d/x", None, file(), "file_added warning /etc/cron.d/x appeared", id="added"),
        pytest.param("/etc/cron.d/x", file(), None, "file_removed warning /etc/cron.d/x is gone", id="removed"),
        pytest.param(
            "/etc/hosts", file(), file(sha256="bb"), "file_changed warning content of /etc/hosts changed", id="content"
        ),
        pytest.param(
            "/etc/hosts",
            file(),
            file(size=4, sha256="bb", mode="0666", uid=12),
            "file_changed warning content, mode (0644 -> 0666) and owner (0:0 -> 12:0) of /etc/hosts changed",
            id="several at once",
        ),
        pytest.param(
            "/etc/x",
            file(),
            file(nlink=2),
            "file_changed warning number of hard links (1 -> 2) of /etc/x changed",
            id="nlink",
        ),
        pytest.param(
            "/etc/x", LINK, {**LINK, "target": "b"}, "file_changed warning target (a -> b) of /etc/x changed", id="link"
        ),
        pytest.param(
            "/etc/x", file(), LINK, "file_changed warning /etc/x turned from a file into a link", id="another type"
        ),
        pytest.param("/etc/x", file(), file(acl="02"), "file_changed warning access list of /etc/x changed", id="acl"),
        pytest.param(
            "/usr/local/bin/x",
            file(mode="0755"),
            file(mode="4755"),
            "file_setuid critical setuid bit appeared on /usr/local/bin/x (mode 0755 -> 4755)",
            id="setuid",
        ),
        pytest.param(
            "/usr/local/bin/x",
            None,
            file(mode="6755"),
            "file_setuid critical /usr/local/bin/x appeared with the setuid and setgid bit (mode 6755)",
            id="setuid and setgid on a new file",
        ),
        pytest.param(
            "/usr/bin/x",
            LINK,
            file(mode="2755"),
            "file_setuid critical setgid bit appeared on /usr/bin/x (mode None -> 2755)",
            id="link turned into a setgid file",
        ),
        pytest.param(
            "/usr/bin/x",
            file(mode="4755"),
            file(mode="0755"),
            "file_changed warning mode (4755 -> 0755) of /usr/bin/x changed",
            id="setuid taken away",
        ),
        pytest.param(
            "/srv/x",
            DIRECTORY,
            {**DIRECTORY, "mode": "2755"},
            "file_changed warning mode (0755 -> 2755) of /srv/x changed",
            id="setgid on a directory is no privilege",
        ),
        pytest.param(
            "/usr/bin/perl",
            file(),
            file(capabilities="01"),
            "file_setuid critical file capabilities appeared on /usr/bin/perl",
            id="capability",
        ),
        pytest.param(
            "/usr/bin/perl",
            file(capabilities="01"),
            file(),
            "file_changed warning file capabilities of /usr/bin/perl changed",
            id="capability taken away",
        ),
        pytest.param(
            "/etc/ld.so.preload",
            None,
            file(),
            "file_preload critical /etc/ld.so.preload appeared",
            id="preload",
        ),
        pytest.param(
            "/etc/sudoers",
            file(),
            file(sha256=None, unreadable="unstable"),
            "file_changed critical /etc/sudoers can no longer be checked: unstable",
            id="unreadable",
        ),
        pytest.param(
            "/etc/x",
            {**DIRECTORY, "unreadable": "Input/output error"},
            DIRECTORY,
            "file_changed warning /etc/x can be checked again",
            id="readable again",
        ),
        pytest.param(
            "/etc/shadow",
            UNREAD,
            file(),
            "file_changed info content of /etc/shadow, accepted unread, is now known",
            id="read at last",
        ),
        pytest.param(
            "/etc/x",
            UNREAD,
            file(mode="0666"),
            "file_changed warning content and mode (0644 -> 0666) of /etc/x changed",
            id="read at last, but something else moved too",
        ),
        pytest.param(
            "/etc/x",
            file(),
            UNREAD,
            "file_changed warning /etc/x changed and its content is not read yet"
            " (over the size limit or the hash budget)",
            id="over the budget",
        ),
        pytest.param(
            "/srv",
            DIRECTORY,
            {**DIRECTORY, "truncated": True},
            "file_changed warning /srv holds more than can be looked at",
            id="over the entry limit",
        ),
    ],
)
def test_a_change_is_told_in_a_sentence(
    key: str, before: Optional[Value], after: Optional[Value], expected: str
) -> None:
    found = rated(key, before, after)

    assert f"{found.code} {found.severity} {found.title}" == expected


@pytest.mark.weakness(13)
@pytest.mark.weakness(17)
@pytest.mark.parametrize(
    ("severity", "key"),
    [
        *(
            ("critical", key)
            for key in (
                *("/root/.ssh/authorized_keys", "/home/x/.ssh/authorized_keys2", "/etc/ssh/authorized_keys.d"),
                *("/etc/sudoers", "/etc/sudoers.d", "/etc/sudoers.d/x", "/etc/sudo.conf"),
                *("/etc/pam.d/sshd", "/usr/lib/x86_64-linux-gnu/security/pam_x.so", "/lib64/security/pam_x.so"),
                *(
                    "/etc/ssh/sshd_config",
                    "/etc/ssh/sshd_config.d/x.conf",
                    "/etc/passwd",
                    "/etc/shadow",
                    "/etc/gshadow",
                ),
                *("/usr/local/bin/vps-sentry-ship", "/etc/vps-sentry.json", "/etc/vps-sentry.d/hmac"),
                *("/etc/default/vps-sentry", "/etc/systemd/system/vps-sentry.service.d/x.conf"),
                "/etc/systemd/system/timers.target.wants/vps-sentry.timer",
                *("/opt/vps-sentry/releases/1/lib/vps_sentry/judge.py", "/opt/vps-sentry/venv"),
            )
        ),
        *(
            ("warning", key)
            for key in (
                *("/etc/systemd/system/x.service", "/etc/cron.d/x", "/etc/profile.d/x.sh", "/etc/udev/rules.d/x.rules"),
                *("/root/.bashrc", "/usr/bin/ls", "/etc/group", "/etc/sudoersx", "/srv/etc/sudoers", "/etc/shadow/x"),
                *("/etc/ssh/sshd_config.bak", "/etc/security/limits.conf", "/etc/ld.so.conf"),
            )
        ),
    ],
)
def test_severity_goes_by_the_place(severity: str, key: str) -> None:
    assert rated(key, file(), file(sha256="bb")).severity == severity


@pytest.mark.parametrize(
    ("value", "title"),
    [
        (file(truncated=True), "/etc/x appeared, its content not read yet"),
        (file(unreadable="Input/output error"), "/etc/x appeared and cannot be checked: Input/output error"),
        ({"type": "directory", "truncated": True}, "/etc/x appeared and holds more than can be looked at"),
    ],
)
def test_what_appears_without_being_fully_seen_says_so(value: Value, title: str) -> None:
    assert title == rated("/etc/x", None, value).title
