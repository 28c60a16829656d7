# SPDX-License-Identifier: GPL-3.0-or-later
"""The check ``ssh_keys``: every file sshd takes keys from, for every account; the quiet path notices each change."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Callable, Tuple

import pytest
from support.etc import Etc
from support.ssh_keys import FINGERPRINT, KEY, OTHER
from vps_sentry.checks.ssh_keys import CHECK

WITHOUT = "without limits"
ME = f"called me (unverified), {WITHOUT}, in /srv/ca"
ROOT_KEYS, HOME_KEYS = "root/.ssh/authorized_keys", "home/deploy/.ssh/authorized_keys"
SSHD = "etc/ssh/sshd_config"


@pytest.fixture(name="etc")
def _etc(tmp_path: Path) -> Etc:
    etc = Etc(tmp_path, CHECK)
    etc.write(SSHD, "Port 22\n")
    (tmp_path / "home/deploy/.ssh").mkdir()
    # Everything below belongs to root; the account's own uid may write, too.
    etc.write(HOME_KEYS, f"{OTHER} deploy\n", mode=0o600)
    etc.write("usr/games/x", "")
    tmp_path.chmod(0o755)
    return etc


def key(path: str, line: str = f"{KEY} me") -> Callable[[Etc], object]:
    return lambda etc: etc.append(path, line + "\n") if (etc.root / path).exists() else etc.write(path, line + "\n")


def title(who: str, where: str, *, limits: str = "without limits", comment: str = ", called me (unverified)") -> str:
    return f"new SSH key for {who}: ssh-ed25519 {FINGERPRINT}{comment}, {limits}, in /{where}"


ACTIONS = [
    pytest.param(key(ROOT_KEYS), ("ssh_key_added", "critical", title("root", ROOT_KEYS)), id="root"),
    pytest.param(key(HOME_KEYS), ("ssh_key_added", "critical", title("deploy", HOME_KEYS)), id="a user"),
    pytest.param(
        key("root/.ssh/authorized_keys2"),
        ("ssh_key_added", "critical", title("root", "root/.ssh/authorized_keys2")),
        id="authorized_keys2",
    ),
    pytest.param(
        key("usr/games/.ssh/authorized_keys"),
        ("ssh_key_added", "critical", title("games", "usr/games/.ssh/authorized_keys")),
        id="an account without a login shell",
    ),
    pytest.param(
        key(ROOT_KEYS, f'restrict,command="/x" {KEY}'),
        ("ssh_key_added", "critical", title("root", ROOT_KEYS, limits="with restrict, command", comment="")),
        id="with limits",
    ),
    pytest.param(
        lambda etc: etc.write(HOME_KEYS, "", mode=0o600),
        (
            "ssh_key_removed",
            "warning",
            f"SSH key gone: for deploy: ssh-ed25519 SHA256:*, called deploy (unverified), {WITHOUT}, in /{HOME_KEYS}",
        ),
        id="gone",
    ),
    pytest.param(
        lambda etc: etc.write(HOME_KEYS, f'environment="LD_PRELOAD=/x" {OTHER} deploy\n', mode=0o600),
        (
            "ssh_key_options",
            "critical",
            'options of an SSH key changed: for deploy: ssh-ed25519 SHA256:*environment="LD_PRELOAD=/x"',
        ),
        id="an environment",
    ),
    pytest.param(
        lambda etc: (etc.root / HOME_KEYS).chmod(0o666),
        (
            "ssh_key_file",
            "critical",
            f"others may put keys into /{HOME_KEYS}: /{HOME_KEYS} has mode 0666",
        ),
        id="chmod 666",
    ),
    pytest.param(
        lambda etc: (etc.root / "home/deploy").chmod(0o777),
        ("ssh_key_file", "critical", f"others may put keys into /{HOME_KEYS}: /home/deploy has mode 0777"),
        id="chmod 777 of a home",
    ),
    pytest.param(
        lambda etc: os.chown(etc.root / "home/deploy/.ssh", 4242, 0),
        ("ssh_key_file", "critical", f"others may put keys into /{HOME_KEYS}: /home/deploy/.ssh belongs to uid 4242"),
        id="a directory of somebody else's",
    ),
    pytest.param(
        lambda etc: [etc.write("srv/k", f"{KEY} me\n"), etc.write(SSHD, "AuthorizedKeysFile /srv/k .ssh/%u-%U\n")],
        ("ssh_key_added", "critical", title("deploy", "srv/k")),
        id="AuthorizedKeysFile elsewhere",
    ),
    pytest.param(
        lambda etc: [etc.write("srv/ca", f"{KEY} me\n"), etc.write(SSHD, "TrustedUserCAKeys /srv/ca\n")],
        (
            "ssh_key_added",
            "critical",
            f"new SSH key that signs for all accounts: certificate authority ssh-ed25519 {FINGERPRINT}, {ME}",
        ),
        id="an authority",
    ),
    pytest.param(
        lambda etc: etc.write(SSHD, "Match User x\n AuthorizedKeysCommand /x %u\n"),
        (
            "ssh_keys_unseen",
            "warning",
            "SSH keys not seen: AuthorizedKeysCommand /x %u answers for any account; its answers cannot be listed",
        ),
        id="a program that knows keys",
    ),
]


@pytest.mark.parametrize(("act", "expected"), ACTIONS)
def test_what_is_told(etc: Etc, act: Callable[[Etc], object], expected: Tuple[str, str, str]) -> None:
    told = etc.do(act)

    before, star, after = expected[2].partition("*")
    assert any(said[:2] == expected[:2] and said[2].startswith(before) and said[2].endswith(after) for said in told), (
        told
    )
    assert star or expected in told


def test_what_is_made_in_a_home_all_day_wakes_nobody(etc: Etc) -> None:
    seen = etc.look()
    quiet = etc.quiet(seen)
    before = quiet()
    etc.write("home/deploy/.bash_history", "ls\n")
    etc.write("home/deploy/.ssh/known_hosts", "x\n")

    assert before == quiet()


def test_a_key_appears_where_there_was_no_directory(etc: Etc) -> None:
    """The quiet path looks for the file itself."""
    told = etc.do(key("root/.ssh/authorized_keys2"))
    assert "ssh_key_added" == told[0][0]


def test_a_link_is_followed_told_and_watched(etc: Etc) -> None:
    etc.write("srv/keys", f"{KEY} me\n")

    def link(etc: Etc) -> None:
        (etc.root / "root/.ssh").mkdir()
        (etc.root / ROOT_KEYS).symlink_to("/srv/keys")

    told = etc.do(link)
    assert ("ssh_key_file", "critical", f"key file /{ROOT_KEYS} is a link to /srv/keys") in told
    assert "ssh_key_added" in {code for code, _, _ in told}
    assert "ssh_key_added" == etc.do(lambda etc: etc.append("srv/keys", f"{OTHER} x\n"))[0][0]


def test_a_link_to_a_secret_shows_nothing_of_it(etc: Etc) -> None:
    (etc.root / "root/.ssh").mkdir()
    (etc.root / ROOT_KEYS).symlink_to("/etc/shadow")
    found = etc.look()

    assert "$y$" not in json.dumps([found.items, found.memory])
    assert 3 == found.items[f"file /{ROOT_KEYS}"]["odd_lines"]


@pytest.mark.parametrize("kind", ["fifo", "huge", "directory", "loop"])
def test_what_cannot_be_read_is_said_and_hides_nobody_else(etc: Etc, kind: str) -> None:
    place = etc.root / HOME_KEYS
    place.unlink()
    if kind == "fifo":
        os.mkfifo(place)
    elif kind == "huge":
        with place.open("wb") as handle:
            handle.truncate(10 * 1024 * 1024)
    elif kind == "directory":
        place.mkdir()
    else:
        place.symlink_to(place.name)
    etc.write(ROOT_KEYS, KEY)
    found = etc.look()

    assert "unreadable" in found.items[f"file /{HOME_KEYS}"]
    assert "deploy:" in found.blind
    assert f"root:{FINGERPRINT}" in found.items


def test_one_key_in_two_files_is_one_item_and_with_other_options_two(etc: Etc) -> None:
    etc.write(ROOT_KEYS, f"{KEY} me\n{KEY} me\n")
    etc.write("root/.ssh/authorized_keys2", f"{KEY} me\nrestrict {KEY} me\n")
    found = etc.look().items

    assert [f"/{ROOT_KEYS}", f"/{ROOT_KEYS}2"] == found[f"root:{FINGERPRINT}"]["sources"]
    assert ["restrict"] == found[f"root:{FINGERPRINT} (2)"]["options"]


def test_names_that_certificates_must_carry(etc: Etc) -> None:
    etc.write(SSHD, "AuthorizedPrincipalsFile /etc/ssh/p/%u\n")
    etc.write("etc/ssh/p/deploy", "admins\n")
    told = etc.do(lambda etc: etc.append("etc/ssh/p/deploy", "everybody\n"))

    assert [("ssh_principals", "critical", "certificates naming everybody may enter account deploy now")] == told


def test_thousands_of_keys_are_cut_and_said(etc: Etc) -> None:
    etc.write(ROOT_KEYS, "".join(f"{KEY} {number}\n" for number in range(3000)))
    found = etc.look().items

    assert True is found[f"file /{ROOT_KEYS}"]["truncated"]
    assert len(found) < 1100
