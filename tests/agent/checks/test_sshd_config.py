# SPDX-License-Identifier: GPL-3.0-or-later
"""The check ``sshd_config`` on a disk: what its files say. What ``sshd -T`` says is tried on a real host."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Callable, List, Tuple

import pytest
from support.etc import Etc
from vps_sentry.access import sshd_rating, sshd_settings
from vps_sentry.checks.sshd_config import CHECK
from vps_sentry.core.model import Change, Value
from vps_sentry.errors import CollectError
from vps_sentry.host import Host
from vps_sentry.sshd.syntax import settings

MAIN, DROP_IN = "etc/ssh/sshd_config", "etc/ssh/sshd_config.d/x.conf"


@pytest.fixture(name="etc")
def _etc(tmp_path: Path) -> Etc:
    etc = Etc(tmp_path, CHECK)
    etc.write(MAIN, "Include /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin no\nAllowUsers deploy\nStrictModes yes\n")
    (tmp_path / "etc/ssh/sshd_config.d").mkdir()
    return etc


def drop(text: str) -> Callable[[Etc], object]:
    return lambda etc: etc.write(DROP_IN, text)


ACTIONS = [
    pytest.param(
        drop("PermitRootLogin yes\n"),
        ("sshd_loosened", "critical", f"sshd: PermitRootLogin no -> yes, by /{DROP_IN}"),
        id="root by password",
    ),
    pytest.param(
        drop("AuthorizedKeysFile /srv/%u\n"),
        ("sshd_loosened", "critical", f"sshd: AuthorizedKeysFile set: /srv/%u, by /{DROP_IN}"),
        id="keys from elsewhere",
    ),
    pytest.param(
        drop("AuthorizedKeysCommand /srv/x %u\n"),
        ("sshd_loosened", "critical", f"sshd: AuthorizedKeysCommand set: /srv/x %u, by /{DROP_IN}"),
        id="keys from a program",
    ),
    pytest.param(
        drop("TrustedUserCAKeys /srv/ca\n"),
        ("sshd_loosened", "critical", f"sshd: TrustedUserCAKeys set: /srv/ca, by /{DROP_IN}"),
        id="an authority",
    ),
    pytest.param(
        drop("Match Address 203.0.113.0/24\n  PermitRootLogin yes\n"),
        (
            "sshd_loosened",
            "critical",
            f"sshd: PermitRootLogin set: yes (Match Address 203.0.113.0/24), by /{DROP_IN}",
        ),
        id="in a Match block",
    ),
    pytest.param(
        drop("Match User eve\n  PasswordAuthentication no\n"),
        ("sshd_setting", "warning", f"sshd: PasswordAuthentication set: no (Match User eve), by /{DROP_IN}"),
        id="stricter in a Match block",
    ),
    pytest.param(
        lambda etc: etc.edit(MAIN, "AllowUsers deploy", "AllowUsers deploy eve"),
        ("sshd_loosened", "critical", f"sshd: AllowUsers deploy -> deploy eve, by /{MAIN}"),
        id="one more may log in",
    ),
    pytest.param(
        lambda etc: etc.edit(MAIN, "AllowUsers deploy\n", ""),
        ("sshd_loosened", "critical", f"sshd: AllowUsers no longer set: deploy, by /{MAIN}"),
        id="everybody may log in",
    ),
    pytest.param(
        drop("X11Forwarding yes\n"),
        ("sshd_setting", "warning", f"sshd: x11forwarding set: yes, by /{DROP_IN}".replace("x11f", "X11F")),
        id="another setting",
    ),
    pytest.param(
        drop("LogLevel QUIET\n"),
        ("sshd_loosened", "critical", f"sshd: LogLevel set: QUIET, by /{DROP_IN}"),
        id="logins unlogged",
    ),
    pytest.param(
        drop('Match "\n'),
        ("sshd_unseen", "warning", f"sshd: settings not read: /{DROP_IN}:1: a quote is not closed"),
        id="what no sshd understands",
    ),
]


@pytest.mark.parametrize(("act", "expected"), ACTIONS)
def test_what_is_told(etc: Etc, act: Callable[[Etc], object], expected: Tuple[str, str, str]) -> None:
    assert expected in etc.do(act)


STEPS = [
    pytest.param("permitrootlogin", ["no"], ["prohibit-password"], True, id="root by key"),
    pytest.param("permitrootlogin", ["yes"], ["no"], False, id="stricter"),
    pytest.param("permitrootlogin", ["no"], ["maybe"], True, id="what is not known counts as loose"),
    pytest.param("passwordauthentication", [], ["yes"], True, id="said where nothing was"),
    pytest.param("strictmodes", ["yes"], ["no"], True, id="StrictModes off"),
    pytest.param("usepam", ["yes"], ["no"], True, id="PAM off"),
    pytest.param("authenticationmethods", ["publickey,password"], ["any"], True, id="one of two is enough"),
    pytest.param("authenticationmethods", ["publickey,password"], [], True, id="the second factor gone"),
    pytest.param("denyusers", ["root eve"], ["root"], True, id="one less kept out"),
    pytest.param("denyusers", ["root"], ["root eve"], False, id="one more kept out"),
    pytest.param("allowgroups", [], ["ssh"], False, id="a list where there was none"),
    pytest.param("acceptenv", ["LANG"], ["LANG LD_PRELOAD"], True, id="LD_PRELOAD from the client"),
    pytest.param("forcecommand", ["/x"], [], True, id="a forced command gone"),
    pytest.param("ciphers", ["a"], ["a,3des-cbc"], False, id="algorithms are warnings"),
]


@pytest.mark.parametrize(("keyword", "old", "new", "expected"), STEPS)
def test_which_steps_open_a_door(keyword: str, old: List[str], new: List[str], expected: bool) -> None:
    assert expected is sshd_rating.loosened(keyword, old=old, new=new)


def _values(text: str) -> Value:
    return {"values": [text]}


def test_weak_algorithms_are_named() -> None:
    before, after = (_values(text) for text in ("aes256-ctr", "aes256-ctr,3des-cbc"))
    rating = sshd_rating.rate(Change("changed", "sshd_config", "ciphers", before, {**after, "sources": ["/x"]}))

    assert ("warning", "sshd: Ciphers aes256-ctr -> aes256-ctr,3des-cbc, by /x; weak: 3des-cbc") == (
        rating.severity,
        rating.title,
    )


def test_another_default_of_a_new_release_wakes_nobody() -> None:
    before, after = (_values(text) for text in ("aes256-ctr,aes128-cbc", "aes256-ctr"))

    assert "info" == sshd_rating.rate(Change("changed", "sshd_config", "ciphers", before, after)).severity
    loose = sshd_rating.rate(Change("changed", "sshd_config", "usepam", _values("yes"), _values("no")))
    assert "critical" == loose.severity


def test_which_family_sshd_names_first_early_in_a_boot_is_no_change() -> None:
    """What ``sshd -T`` says with an interface up, and without one."""
    up, down = (
        sshd_settings.effective("".join(f"listenaddress {one}\n" for one in order), [])
        for order in (("[::]:22", "0.0.0.0:22"), ("0.0.0.0:22", "[::]:22"))
    )

    assert up == down
    assert up != sshd_settings.effective("listenaddress 0.0.0.0:22\n", [])


def test_what_sshd_prints_with_the_files_that_say_so() -> None:
    said = settings("/etc/ssh/sshd_config", b"Port 22\nPort 2222\nPermitRootLogin no\n", include=lambda _: [])
    found = sshd_settings.effective("port 22\nport 2222\npermitrootlogin without-password\nusepam no\n", said)

    assert {"values": ["22", "2222"], "sources": ["/etc/ssh/sshd_config"]} == found["port"]
    assert {"values": ["prohibit-password"], "sources": ["/etc/ssh/sshd_config"]} == found["permitrootlogin"]
    assert {"values": ["no"]} == found["usepam"]


def test_a_disk_without_sshd_is_skipped(tmp_path: Path) -> None:
    seen = Etc(tmp_path, CHECK).look()

    assert ("skipped", "no sshd is installed: there is no /etc/ssh/sshd_config") == (seen.status, seen.error)


def test_an_added_drop_in_wakes_the_quiet_path(etc: Etc) -> None:
    """Though no file that was read moved: its directory did."""
    assert etc.do(drop("# nothing yet\n")) == []


class Answering(Host):
    """A running system whose sshd is asked; each question is counted."""

    live = True

    def __init__(self, root: str, code: int = 0) -> None:
        super().__init__(root)
        self.asked: List[List[str]] = []
        self._code = code

    def command(self, argv: List[str], *, seconds: float = 20.0, given: bytes = b"") -> Tuple[int, str]:
        self.asked.append(argv)
        return self._code, "permitrootlogin yes\n" if not self._code else "line 3: Bad configuration option: x\n"


def _running(etc: Etc, code: int = 0) -> Answering:
    etc.write("usr/sbin/sshd", "", mode=0o755)
    return Answering(str(etc.root), code)


def test_sshd_is_asked_once_as_long_as_nothing_moves(etc: Etc) -> None:
    """Weakness 18: a look that finds the settings unmoved starts no process."""
    host = _running(etc)
    first = etc.look(host=host)
    again = etc.look(host=host, cache=lambda: first.cache or b"")

    assert [["sshd", "-T"]] == host.asked
    assert ["yes"] == first.items["permitrootlogin"]["values"] == again.items["permitrootlogin"]["values"]
    etc.look(host=host, cache=lambda: first.cache or b"", full=True)
    assert 2 == len(host.asked)


def test_settings_that_just_moved_are_not_trusted_to_stay(etc: Etc) -> None:
    assert b"" == etc.look(host=_running(etc), now=int(time.time())).cache


def test_settings_that_sshd_refuses_fail_with_its_words(etc: Etc) -> None:
    with pytest.raises(CollectError, match="sshd -T ended 255: line 3: Bad configuration option: x; correct it"):
        etc.look(host=_running(etc, 255))
