# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose a path is: merged /usr, diversions, hostile names, and a host where nobody can say."""

from __future__ import annotations

from pathlib import Path
from typing import Dict

import pytest
from support import redhat
from support.debian import Debian
from vps_sentry.errors import CollectError
from vps_sentry.host import Host
from vps_sentry.packages import owner_of

LS = "/usr/bin/ls"


@pytest.fixture(name="debian")
def _debian(tmp_path: Path) -> Debian:
    return Debian(tmp_path)


def test_every_name_of_a_merged_usr(debian: Debian) -> None:
    debian.install("coreutils", files={LS: b"ls"}, listed_as=("/usr/bin", "/bin"))

    assert {LS: "coreutils", "/bin/ls": "coreutils"} == owner_of(debian.host, [LS, "/bin/ls", "/usr/bin/nobody"])


NAMES = [
    pytest.param("/usr/bin/a b", id="a blank"),
    pytest.param("/usr/bin/\\x1b[2J", id="an escape, written as items write it"),
    pytest.param("/usr/bin/\\xff", id="no UTF-8"),
    pytest.param("/usr/bin/a\\x5cb", id="a backslash"),
]


@pytest.mark.parametrize("path", NAMES)
def test_odd_names(path: str, debian: Debian) -> None:
    from vps_sentry.core.canonical import unescape

    (debian.info / "odd.list").write_bytes(unescape(path) + b"\n")

    assert {path: "odd"} == owner_of(debian.host, [path])


def test_a_name_with_a_newline_is_in_no_list(debian: Debian) -> None:
    """dpkg cannot write such a name, so a file called like two lines of a list is nobody's."""
    debian.install("coreutils", files={LS: b"ls"})

    assert {} == owner_of(debian.host, ["/usr/bin/x\\x0a/usr/bin/ls"])


DIVERSIONS = [
    pytest.param((LS, f"{LS}.real", "wrapper"), {LS: "wrapper", f"{LS}.real": "coreutils"}, id="by a package"),
    pytest.param((LS, f"{LS}.real", ":"), {f"{LS}.real": "coreutils"}, id="by hand: what lies there is nobody's"),
    pytest.param(
        ("/bin/ls", "/bin/ls.real", "wrapper"), {LS: "wrapper", f"{LS}.real": "coreutils"}, id="other name of /usr"
    ),
    pytest.param((LS, f"{LS}.real", "wrapper", f"{LS}.real", LS, "wrapper"), {LS: "wrapper"}, id="a circle is no trap"),
]


@pytest.mark.parametrize(("lines", "expected"), DIVERSIONS)
def test_diversions(lines: tuple[str, ...], expected: Dict[str, str], debian: Debian) -> None:
    debian.install("coreutils", files={LS: b"ls"})
    debian.install("wrapper", files={LS: b"wrapped"})
    debian.divert(*lines)
    found = owner_of(debian.host, [LS, f"{LS}.real"])

    assert expected.items() <= found.items()
    assert LS in expected or LS not in found


def test_torn_diversions_are_no_empty_ones(debian: Debian) -> None:
    debian.divert(LS, f"{LS}.real")

    with pytest.raises(CollectError, match="diversions is cut off"):
        owner_of(debian.host, [LS])


def test_without_any_database_nothing_is_known(tmp_path: Path) -> None:
    with pytest.raises(CollectError, match="no package database"):
        owner_of(Host(str(tmp_path)), [LS])


def test_rpm(tmp_path: Path) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "bin").symlink_to("usr/bin")
    redhat.database(tmp_path, [redhat.package("coreutils", "9.1", {LS: "00" * 32}), redhat.package("empty", "1", {})])

    assert {LS: "coreutils", "/bin/ls": "coreutils"} == owner_of(Host(str(tmp_path)), [LS, "/bin/ls", "/etc/x"])


@pytest.mark.parametrize(("name", "form"), [("Packages", "Berkeley DB"), ("Packages.db", "ndb")])
def test_another_form_of_the_database_is_named(name: str, form: str, tmp_path: Path) -> None:
    (tmp_path / "var/lib/rpm").mkdir(parents=True)
    (tmp_path / "var/lib/rpm" / name).write_bytes(b"x")

    with pytest.raises(CollectError, match=f"has the {form} form"):
        owner_of(Host(str(tmp_path)), [LS])
