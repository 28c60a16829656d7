# SPDX-License-Identifier: GPL-3.0-or-later
"""The check ``accounts``: what is told of each change of the account files, and that the quiet path notices."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, Tuple

import pytest
from support.etc import HASH, Etc
from vps_sentry.checks.accounts import CHECK

OTHER = HASH.replace("X3DX", "YYYY")


@pytest.fixture(name="etc")
def _etc(tmp_path: Path) -> Etc:
    return Etc(tmp_path, CHECK)


def line(text: str, path: str = "etc/passwd") -> Callable[[Etc], None]:
    """Somebody appends a line."""
    return lambda etc: etc.append(path, text + "\n")


def edit(path: str, old: str, new: str) -> Callable[[Etc], None]:
    return lambda etc: etc.edit(path, old, new)


ROOT_TWICE = "account {} has uid 0: it is a second root"
ACTIONS = [
    pytest.param(
        line("toor:x:0:0::/root:/bin/sh"), ("account_uid0", "critical", ROOT_TWICE.format("toor")), id="a second root"
    ),
    pytest.param(
        line("eve::0:0"), ("account_uid0", "critical", ROOT_TWICE.format("eve")), id="a line glibc takes though short"
    ),
    pytest.param(
        line(" eve:x:+0:0::/:/bin/sh"), ("account_uid0", "critical", ROOT_TWICE.format("eve")), id="blank, plus zero"
    ),
    pytest.param(
        line("root:x:0:0::/tmp:/bin/sh"), ("account_uid0", "critical", ROOT_TWICE.format("root (2)")), id="root twice"
    ),
    pytest.param(
        edit("etc/passwd", "deploy:x:1000:", "deploy:x:0:"),
        ("account_uid0", "critical", ROOT_TWICE.format("deploy")),
        id="a user becomes root (weakness 13)",
    ),
    pytest.param(
        line("eve:x:1001:1001::/home/eve:/bin/sh"),
        ("account_added", "warning", "account eve (uid 1001, shell /bin/sh) appeared and can log in"),
        id="a new login",
    ),
    pytest.param(
        line("eve:x:1001:1001::/home/eve:"),
        ("account_added", "warning", "account eve (uid 1001, shell /bin/sh) appeared and can log in"),
        id="an empty shell is /bin/sh",
    ),
    pytest.param(
        line("svc:x:999:999::/:/usr/sbin/nologin"),
        ("account_added", "info", "system account svc (uid 999) appeared; it cannot log in"),
        id="as packages bring them",
    ),
    pytest.param(
        line("eve:x:1001:27::/home/eve:/bin/sh"),
        ("account_added", "critical", "account eve (uid 1001) appeared in group sudo, which makes it root"),
        id="a new login whose first group is sudo",
    ),
    pytest.param(
        line("eve:x:1000:1000::/home/eve:/bin/sh"),
        ("account_added", "critical", "account eve appeared with the uid 1000 of deploy"),
        id="another's uid",
    ),
    pytest.param(
        edit("etc/passwd", "/usr/games:/usr/sbin/nologin", "/usr/games:/bin/bash"),
        ("account_shell", "critical", "account games can log in now (shell /usr/sbin/nologin -> /bin/bash)"),
        id="nologin to bash",
    ),
    pytest.param(
        lambda etc: etc.write("usr/sbin/nologin", "this is bash", mode=0o755),
        (
            "account_shell",
            "critical",
            "account games can log in though it does not look so: /usr/sbin/nologin is a copy of /bin/bash",
        ),
        id="nologin replaced by a copy of bash",
    ),
    pytest.param(
        lambda etc: [(etc.root / "usr/sbin/nologin").unlink(), (etc.root / "usr/sbin/nologin").symlink_to("/bin/sh")],
        (
            "account_shell",
            "critical",
            "account games can log in though it does not look so: /usr/sbin/nologin is a copy of /bin/sh",
        ),
        id="nologin turned into a link to sh",
    ),
    pytest.param(
        edit("etc/passwd", "deploy:/bin/bash", "deploy:/bin/zsh"),
        ("account_changed", "warning", "shell of account deploy changed (/bin/bash -> /bin/zsh)"),
        id="a shell that is not there",
    ),
    pytest.param(
        edit("etc/group", "sudo:x:27:", "sudo:x:27:deploy"),
        ("account_group", "critical", "account deploy joined sudo, which makes it root"),
        id="joins sudo",
    ),
    pytest.param(
        edit("etc/group", "users:x:100:", "users:x:100:deploy"),
        ("account_group", "warning", "account deploy joined users"),
        id="joins an ordinary group",
    ),
    pytest.param(
        edit("etc/group", "sudo:x:27:", "sudo:x:27:ghost"),
        ("group_changed", "warning", "group sudo names accounts that do not exist here: ghost"),
        id="a member that is to come",
    ),
    pytest.param(
        edit("etc/passwd", "deploy:x:1000:1000", "deploy:x:1000:0"),
        ("account_group", "critical", "account deploy has root as its first group now"),
        id="first group root (weakness 13)",
    ),
    pytest.param(
        edit("etc/passwd", ":/home/deploy:", ":/tmp/deploy:"),
        ("account_changed", "warning", "home of account deploy changed (/home/deploy -> /tmp/deploy)"),
        id="another home (weakness 13)",
    ),
    pytest.param(
        edit("etc/shadow", f"deploy:{HASH}", f"deploy:{OTHER}"),
        ("account_password", "warning", "password hash of account deploy changed, though not its date (2022-01-08)"),
        id="another hash, the date kept (weakness 13)",
    ),
    pytest.param(
        edit("etc/shadow", f"deploy:{HASH}:19000", f"deploy:{OTHER}:19001"),
        ("account_password", "warning", "password hash of account deploy changed (dated 2022-01-09)"),
        id="passwd",
    ),
    pytest.param(
        edit("etc/shadow", "games:*", f"games:{HASH}"),
        ("account_password", "critical", "account games has a password now"),
        id="a hash for a system account",
    ),
    pytest.param(
        edit("etc/shadow", f"deploy:{HASH}", "deploy:"),
        ("account_password", "critical", "account deploy needs no password: whoever knows the name is in"),
        id="an empty password",
    ),
    pytest.param(
        edit("etc/passwd", "games:x:", "games::"),
        ("account_password", "critical", "account games needs no password: whoever knows the name is in"),
        id="an empty password in passwd",
    ),
    pytest.param(
        edit("etc/shadow", f"deploy:{HASH}", f"deploy:!{HASH}"),
        ("account_password", "warning", "password of account deploy was locked"),
        id="passwd -l",
    ),
    pytest.param(
        line("+eve::::::"),
        (
            "account_line",
            "critical",
            "accounts: a line of /etc/passwd +eve brings or takes accounts of a directory service",
        ),
        id="NIS",
    ),
    pytest.param(
        lambda etc: etc.write("etc/nsswitch.conf", "passwd: files systemd sss [NOTFOUND=return]\n"),
        (
            "accounts_unseen",
            "warning",
            "accounts: not all are seen: they also come from sss (/etc/nsswitch.conf); getent passwd lists them",
        ),
        id="a directory service",
    ),
    pytest.param(
        line("deploy:0:1000", "etc/subuid"),
        ("account_ids", "critical", "account deploy may act as real accounts: ids 0:1000"),
        id="root lent to a container",
    ),
    pytest.param(
        line("deploy:100000:65536", "etc/subgid"),
        ("account_ids", "info", "ids that account deploy may use in containers: 100000:65536"),
        id="ids as useradd lends them",
    ),
    pytest.param(
        lambda etc: (etc.root / "etc/shadow").chmod(0o666),
        ("account_file", "critical", "/etc/shadow, which decides who may log in, changed (mode 0640 -> 0666)"),
        id="chmod 666 shadow",
    ),
    pytest.param(
        lambda etc: etc.write("etc/gshadow", "", mode=0o644),
        ("account_file", "critical", "/etc/gshadow appeared, and more may use it than should (mode 0644)"),
        id="gshadow for everybody to read",
    ),
    pytest.param(
        lambda etc: os.chown(etc.root / "etc/passwd", 1000, 0),
        ("account_file", "critical", "/etc/passwd, which decides who may log in, changed (owner 1000:0)"),
        id="chown passwd",
    ),
]


@pytest.mark.weakness(13)
@pytest.mark.parametrize(("act", "expected"), ACTIONS)
def test_what_is_told(etc: Etc, act: Callable[[Etc], object], expected: Tuple[str, str, str]) -> None:
    etc.write("etc/subuid", "")
    etc.write("etc/subgid", "")

    assert etc.do(act)[0] == expected


def test_the_mode_that_counts_is_that_of_the_place_a_link_leads_to(etc: Etc) -> None:
    (etc.root / "etc/shadow").rename(etc.root / "etc/real")
    (etc.root / "etc/shadow").symlink_to("real")
    told = etc.do(lambda etc: (etc.root / "etc/real").chmod(0o644))

    title = "/etc/shadow, which decides who may log in, changed (mode 0640 -> 0644)"
    assert [("account_file", "critical", title)] == told
