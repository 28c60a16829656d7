# SPDX-License-Identifier: GPL-3.0-or-later
"""The check ``sudoers``: what is told of each change, and that the quiet path notices."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, Tuple

import pytest
from support.etc import Etc
from vps_sentry.checks.sudoers import CHECK

MAIN = """\
Defaults env_reset
Defaults secure_path="/usr/sbin:/usr/bin"
User_Alias ADMINS = deploy
Cmnd_Alias TOOLS = /usr/bin/ls
root ALL=(ALL:ALL) ALL
%sudo ALL=(ALL:ALL) ALL
ADMINS ALL=(root) TOOLS
deploy ALL=(root) !/bin/sh
@includedir /etc/sudoers.d
"""


@pytest.fixture(name="etc")
def _etc(tmp_path: Path) -> Etc:
    etc = Etc(tmp_path, CHECK)
    etc.write("etc/sudoers", MAIN, mode=0o440)
    etc.write("etc/sudoers.d/README", "# nothing\n", mode=0o440)
    etc.write("etc/nsswitch.conf", "passwd: files\n")
    return etc


def write(path: str, text: str, mode: int = 0o440) -> Callable[[Etc], object]:
    return lambda etc: etc.write(path, text, mode=mode)


def edit(old: str, new: str) -> Callable[[Etc], object]:
    return lambda etc: etc.edit("etc/sudoers", old, new)


ACTIONS = [
    pytest.param(
        write("etc/sudoers.d/zz", "deploy ALL=(ALL) NOPASSWD: ALL\n"),
        ("sudoers_grant", "critical", "sudoers: NOPASSWD rule for deploy added in /etc/sudoers.d/zz: ALL as ALL"),
        id="the classic",
    ),
    pytest.param(
        edit("root ALL", "#include /opt/x\nroot ALL"),
        (
            "sudoers_file",
            "critical",
            "sudoers: /opt/x cannot be checked: cannot read /opt/x: No such file or directory",
        ),
        id="an include of what is to come",
    ),
    pytest.param(
        edit("ADMINS = deploy", "ADMINS = deploy, eve"),
        ("sudoers_grant", "critical", "sudoers: rule for ADMINS says whom anew: now also eve"),
        id="one more in an alias",
    ),
    pytest.param(
        edit("TOOLS = /usr/bin/ls", "TOOLS = /usr/bin/ls, /usr/bin/vi"),
        ("sudoers_grant", "critical", "sudoers: rule for ADMINS says what anew: now also /usr/bin/vi"),
        id="one more command in an alias",
    ),
    pytest.param(
        edit("deploy ALL=(root) !/bin/sh\n", ""),
        ("sudoers_rule", "critical", "sudoers: prohibition for deploy gone from /etc/sudoers: !/bin/sh as root"),
        id="a prohibition gone",
    ),
    pytest.param(
        edit("%sudo ALL=(ALL:ALL) ALL\n", ""),
        ("sudoers_rule", "warning", "sudoers: rule for %sudo removed from /etc/sudoers: ALL as ALL:ALL"),
        id="a rule gone",
    ),
    pytest.param(
        edit("Defaults env_reset", "Defaults env_reset, !authenticate"),
        ("sudoers_defaults", "critical", "sudoers: Defaults in /etc/sudoers: !authenticate"),
        id="no password for anybody",
    ),
    pytest.param(
        edit("Defaults env_reset", "Defaults !env_reset"),
        ("sudoers_defaults", "critical", "sudoers: Defaults in /etc/sudoers: !env_reset, env_reset is gone"),
        id="the environment kept",
    ),
    pytest.param(
        edit("Defaults env_reset", 'Defaults env_reset\nDefaults env_keep += "LD_PRELOAD"'),
        ("sudoers_defaults", "critical", 'sudoers: Defaults in /etc/sudoers: env_keep+="LD_PRELOAD"'),
        id="LD_PRELOAD kept",
    ),
    pytest.param(
        edit("Defaults env_reset", 'Defaults env_reset\nDefaults env_keep += "LANG"'),
        ("sudoers_defaults", "warning", 'sudoers: Defaults in /etc/sudoers: env_keep+="LANG"'),
        id="a harmless variable kept",
    ),
    pytest.param(
        edit("/usr/sbin:/usr/bin", "/tmp:/usr/bin"),
        (
            "sudoers_defaults",
            "critical",
            'sudoers: Defaults in /etc/sudoers: secure_path="/tmp:/usr/bin", secure_path="/usr/sbin:/usr/bin" is gone',
        ),
        id="secure_path",
    ),
    pytest.param(
        edit("Defaults env_reset", "Defaults env_reset\nDefaults:deploy timestamp_timeout=-1"),
        ("sudoers_defaults", "critical", "sudoers: Defaults (for deploy) in /etc/sudoers: timestamp_timeout=-1"),
        id="a ticket for ever",
    ),
    pytest.param(
        edit("Defaults env_reset", "Defaults env_reset\nDefaults insults"),
        ("sudoers_defaults", "warning", "sudoers: Defaults in /etc/sudoers: insults"),
        id="insults",
    ),
    pytest.param(
        edit("Defaults env_reset", "Defaults env_reset\nDefaults passwd_tries=2"),
        ("sudoers_defaults", "info", "sudoers: Defaults in /etc/sudoers: passwd_tries=2"),
        id="what opens nothing",
    ),
    pytest.param(
        write("etc/sudo.conf", "# x\nPlugin sudoers_policy /tmp/evil.so\n"),
        ("sudo_plugin", "critical", "sudo.conf: Plugin sudoers_policy /tmp/evil.so was added"),
        id="a plugin",
    ),
    pytest.param(
        write("etc/doas.conf", "permit nopass deploy as root\n"),
        ("sudoers_grant", "critical", "doas: rule added: permit nopass deploy as root"),
        id="doas",
    ),
    pytest.param(
        write("etc/nsswitch.conf", "sudoers: files sss\n"),
        (
            "sudoers_unseen",
            "warning",
            "sudoers: not all rules are seen: they also come from sss (/etc/nsswitch.conf); sudo -l -U USER lists them",
        ),
        id="rules of a directory service",
    ),
    pytest.param(
        lambda etc: (etc.root / "etc/sudoers").chmod(0o666),
        (
            "sudoers_file",
            "critical",
            "sudoers: /etc/sudoers is not safe: everybody may write to it; sudo may refuse it",
        ),
        id="writable by everybody",
    ),
    pytest.param(
        write("etc/sudoers.d/zz", "deploy ALL=(ALL\n"),
        (
            "sudoers_unparsed",
            "critical",
            "sudoers: a line of /etc/sudoers.d/zz cannot be understood: ')' was expected at ''",
        ),
        id="a line nobody understands",
    ),
]


@pytest.mark.parametrize(("act", "expected"), ACTIONS)
def test_what_is_told(etc: Etc, act: Callable[[Etc], object], expected: Tuple[str, str, str]) -> None:
    assert etc.do(act)[0] == expected


@pytest.mark.parametrize("name", ["a.bak", "a~", ".a"])
def test_what_sudo_skips_grants_nothing(etc: Etc, name: str) -> None:
    assert [] == etc.do(write(f"etc/sudoers.d/{name}", "eve ALL=ALL\n"))


def test_a_rule_that_moves_to_another_file_is_no_grant(etc: Etc) -> None:
    def move(etc: Etc) -> None:
        etc.edit("etc/sudoers", "%sudo ALL=(ALL:ALL) ALL\n", "")
        etc.write("etc/sudoers.d/sudo", "%sudo ALL=(ALL:ALL) ALL\n", mode=0o440)

    told = etc.do(move)
    assert {"info"} == {severity for _, severity, _ in told}


def test_includes_that_go_round_end_and_are_told(etc: Etc) -> None:
    etc.write("etc/sudoers.d/a", "@include /etc/sudoers.d/b\n", mode=0o440)
    etc.write("etc/sudoers.d/b", "@include /etc/sudoers.d/a\neve ALL=ALL\n", mode=0o440)
    found = etc.look().items

    assert "unparsed /etc/sudoers.d/a: includes itself" in found
    assert "rule eve ALL=(root) ALL" in found


def test_an_alias_of_itself_ends(etc: Etc) -> None:
    etc.append("etc/sudoers", "User_Alias A = B\nUser_Alias B = A, eve\nA ALL=ALL\n")

    assert ["A", "eve"] == etc.look().items["rule A ALL=(root) ALL"]["users_meant"]


@pytest.mark.parametrize("kind", ["fifo", "directory", "huge", "dangling"])
def test_what_cannot_be_read_is_said(etc: Etc, kind: str) -> None:
    place = etc.root / "etc/sudoers.d/zz"
    if kind == "fifo":
        os.mkfifo(place)
    elif kind == "huge":
        with place.open("wb") as handle:
            handle.truncate(10 * 1024 * 1024)
    elif kind == "dangling":
        place.symlink_to("/nowhere")
    else:
        etc.edit("etc/sudoers", "@includedir /etc/sudoers.d", "@include /etc/sudoers.d/zz")
        place.mkdir()

    assert "unreadable" in etc.look().items["file /etc/sudoers.d/zz"]


def test_a_linked_file_is_followed_told_and_watched(etc: Etc) -> None:
    etc.write("srv/rules", "eve ALL=ALL\n", mode=0o440)
    told = etc.do(lambda etc: (etc.root / "etc/sudoers.d/zz").symlink_to("/srv/rules"))
    assert ("sudoers_file", "critical", "sudoers: /etc/sudoers.d/zz is a link to /srv/rules") in told
    assert ("sudoers_grant", "critical", "sudoers: rule for eve added in /etc/sudoers.d/zz: ALL as root") in told

    assert etc.do(lambda etc: etc.append("srv/rules", "mallory ALL=ALL\n"))[0][0] == "sudoers_grant"


def test_names_that_hide_are_shown(etc: Etc) -> None:
    told = etc.do(write("etc/sudoers.d/\x1b[2Kz", "e\u202eve ALL=ALL\n"))

    assert all(title.isprintable() for _, _, title in told)
    assert "/etc/sudoers.d/\\x1b[2Kz" in told[0][2]


def test_thousands_of_rules_are_cut_and_counted(etc: Etc) -> None:
    etc.write("etc/sudoers.d/many", "".join(f"u{n} ALL=ALL\n" for n in range(30_000)), mode=0o440)
    found = etc.look().items

    assert "unparsed the rest" in found
    assert len(found) < 25_000


def test_aliases_that_double_at_each_step_end_in_time(etc: Etc) -> None:
    """Forty steps would stand for a million million names if each were written out."""
    steps = "".join(f"User_Alias A{n} = A{n + 1}, A{n + 1}, u{n}\n" for n in range(40))
    etc.append("etc/sudoers", f"{steps}A0 ALL=ALL\n")

    meant = etc.look().items["rule A0 ALL=(root) ALL"]["users_meant"]
    assert isinstance(meant, list)
    assert 41 == len(meant)
