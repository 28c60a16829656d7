# SPDX-License-Identifier: GPL-3.0-or-later
"""Which version is the later one: dpkg itself is the judge of its own, rpm's own test table of the other."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from vps_sentry.packages.versions import later_deb, later_rpm

DEB = [
    ("1.22.1-10", "1.22.1-9"),
    ("1:0.1", "9.9"),
    ("1.0-1", "1.0~rc1-1"),
    ("1.0-1+deb12u1", "1.0-1"),
    ("1.0+b", "1.0a"),
    ("1.0.0", "1.0"),
    ("1.0-1", "1.0"),
    ("2:9.2p1-2+deb12u10", "2:9.2p1-2+deb12u9"),
    ("1.0~~", "1.0~~a"),
    ("0:1.0", "1.0"),
    ("1.00", "1.0"),
    ("a", "1"),
    ("1.0" + "0" * 5000 + "2", "1.0" + "0" * 4000 + "1"),
]


@pytest.mark.parametrize(("one", "two"), [*DEB, *[(two, one) for one, two in DEB]])
def test_dpkg_agrees(one: str, two: str) -> None:
    if not shutil.which("dpkg"):
        pytest.skip("no dpkg here")
    done = subprocess.run(["dpkg", "--compare-versions", one, "gt", two], capture_output=True)

    assert (done.returncode == 0) == later_deb(one, two)


# rpm's tests/rpmvercmp.at: the first is the later one.
RPM = [
    ("2.0-1", "1.0-1"),
    ("2.0.1a-1", "2.0.1-1"),
    ("5.5p10-1", "5.5p1-1"),
    ("10.1xyz-1", "10xyz-1"),
    ("8-1", "xyz.4-1"),
    ("xyz10.1-1", "xyz10-1"),
    ("1.0-1", "1.0~rc1-1"),
    ("1.0~rc2-1", "1.0~rc1-1"),
    ("1.0^git1-1", "1.0-1"),
    ("1.01-1", "1.0^git1-1"),
    ("1:1.0-1", "2.0-1"),
    ("1.0-2.el9", "1.0-1.el9"),
]


@pytest.mark.parametrize(("later", "earlier"), RPM)
def test_rpm(later: str, earlier: str) -> None:
    assert (True, False) == (later_rpm(later, earlier), later_rpm(earlier, later))


def test_equal_is_not_later() -> None:
    assert not later_rpm("1.0-1", "1.0-1")
    assert not later_deb("1.0-1", "1.0-1")
