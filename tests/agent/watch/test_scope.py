# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys a list of watches covers, compared with what the walk itself finds there."""

from __future__ import annotations

from typing import Any

import pytest
from vps_sentry.watch import defaults, scope
from vps_sentry.watch.entries import Watch

USUAL = scope.written(defaults.WATCH, defaults.EXCLUDE)
COVERED = [
    pytest.param("/etc", True, id="the place itself"),
    pytest.param("/etc/ssh/sshd_config", True, id="below it"),
    pytest.param("/etcetera", False, id="a name that only begins like it"),
    pytest.param("/etc/passwd", False, id="left out"),
    pytest.param("/etc/ld.so.cache", False, id="left out by its full name"),
    pytest.param("/etc/lvm/archive/vg_0", False, id="below what is left out"),
    pytest.param("/etc/a/b/.git/objects/ab/cd", False, id="left out at any depth"),
    pytest.param("/boot/grub/fonts/x", True, id="as deep as it is looked at"),
    pytest.param("/boot/grub/fonts/x/y", False, id="deeper"),
    pytest.param("/usr/local/lib/node_modules", False, id="left out of this watch alone"),
    pytest.param("/usr/lib/x86_64-linux-gnu/security/pam_x.so", True, id="a pattern in the middle"),
    pytest.param("/usr/lib/security/pam_x.so", False, id="the pattern wants a name there"),
    pytest.param("/usr/lib/python3.11/sitecustomize.py", True, id="a pattern at the end"),
    pytest.param("/usr/lib/python3.11/os.py", False, id="which does not fit"),
    pytest.param("/etc/b\\xff", True, id="a name that is no text"),
    pytest.param("/srv/x", False, id="elsewhere"),
]


@pytest.mark.parametrize(("key", "expected"), COVERED)
def test_what_the_built_in_list_covers(key: str, expected: bool) -> None:
    found = scope.read(USUAL)

    assert found
    assert expected == found.covers(key)


SRV = scope.written([Watch("/srv")], ["*.log"])
CHANGED = [
    pytest.param(["/srv/a", "/etc/motd"], SRV, ["/etc/motd"], id="a watch was dropped"),
    pytest.param(["/srv/a.log", "/srv/a"], SRV, ["/srv/a.log"], id="an exclusion was added"),
    pytest.param(["/root/.ssh/authorized_keys"], SRV, [], id="homes go with accounts: that is news"),
    pytest.param(["/etc/motd"], {"watch": [[1, 2]]}, [], id="a list nobody can read explains nothing"),
]


@pytest.mark.parametrize(("accepted", "now", "expected"), CHANGED)
def test_what_is_watched_no_more(accepted: Any, now: Any, expected: Any) -> None:
    assert expected == sorted(scope.unwatched(accepted, now))


BEGUN = [
    pytest.param(SRV, ["/etc/motd", "/srv/a"], ["/etc/motd"], id="a longer list"),
    pytest.param(USUAL, ["/etc/motd"], [], id="the same list: what appears is news"),
    pytest.param(SRV, ["/home/eve/.ssh/authorized_keys"], [], id="a new home is news whatever the list"),
    pytest.param({}, ["/etc/motd"], [], id="a list nobody can read explains nothing"),
]


@pytest.mark.parametrize(("before", "keys", "expected"), BEGUN)
def test_what_is_watched_only_since_then(before: Any, keys: Any, expected: Any) -> None:
    assert expected == sorted(scope.begun(keys, USUAL, before=before))
