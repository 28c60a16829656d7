# SPDX-License-Identifier: GPL-3.0-or-later
"""dpkg's list of packages: what it says, and what nobody but an intruder or a broken disk would write there."""

from __future__ import annotations

import pytest
from vps_sentry.packages.status import Package, parse

NGINX = b"""Package: nginx
Status: install ok installed
Maintainer: M <m@example.org>
Architecture: amd64
Multi-Arch: same
Version: 1:1.22.1-9
Depends: libc6 (>= 2.34),
 libpcre2-8-0
Conffiles:
 /etc/nginx/nginx.conf 0123456789abcdef0123456789abcdef
 /etc/with blank 0123456789abcdef0123456789abcdef obsolete
 /etc/no.digest newconffile
 relative 0123456789abcdef0123456789abcdef
Description: a server
 Version: 9, says this line, which goes on
"""


def only(data: bytes) -> Package:
    (found,) = parse(data)
    return found


def test_a_package() -> None:
    found = only(NGINX)

    assert ("nginx:amd64", "1:1.22.1-9", "installed", False, True) == (
        found.key,
        found.version,
        found.state,
        found.held,
        found.present,
    )
    assert b"nginx:amd64" == found.stem
    assert ("/etc/nginx/nginx.conf", "/etc/with blank") == tuple(path.decode() for path, _ in found.conffiles)
    assert found.depends.split() == b"libc6 (>= 2.34), libpcre2-8-0".split()


STATES = [
    pytest.param(b"hold ok installed", ("installed", True), id="held"),
    pytest.param(b"install ok triggers-pending", ("installed", False), id="waiting for a trigger is installed"),
    pytest.param(b"install ok half-configured", ("half-configured", False), id="an upgrade cut short"),
    pytest.param(b"deinstall ok config-files", ("config-files", False), id="removed, its configuration kept"),
    pytest.param(b"install ok \x1b[2Jinstalled", ("\\x1b[2Jinstalled", False), id="escapes are written out"),
]


@pytest.mark.parametrize(("said", "expected"), STATES)
def test_states(said: bytes, expected: tuple[str, bool]) -> None:
    found = only(NGINX.replace(b"install ok installed", said))

    assert expected == (found.state, found.held)


def test_one_that_is_not_installed_at_all_is_none() -> None:
    assert [] == list(parse(NGINX.replace(b"install ok installed", b"unknown ok not-installed")))


HOSTILE = [
    pytest.param(NGINX.replace(b"Package: nginx", b"Package: ../../etc"), "paragraph 1 is no package", id="a path"),
    pytest.param(NGINX.replace(b"Package: nginx\n", b""), "paragraph 1 is no package", id="no name"),
    pytest.param(NGINX.replace(b"nginx\nStatus", b"nginx\x00\nStatus"), "paragraph 1", id="NUL in a name"),
    pytest.param(NGINX.replace(b"ok installed", b""), "paragraph 1", id="a torn state"),
    pytest.param(NGINX + b"\n" + NGINX.replace(b"Version: 1:1.22.1-9\n", b""), "paragraph 2", id="no version"),
    pytest.param(NGINX.replace(b"Architecture: amd64", b"Architecture: a/b"), "no architecture", id="arch is a path"),
    pytest.param(b"\x7fELF" + bytes(range(256)), "paragraph 1", id="no text at all"),
]


@pytest.mark.parametrize(("data", "said"), HOSTILE)
def test_what_is_no_package_is_named_and_never_passed_over(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        list(parse(data))


def test_archive_and_database_say_the_same_of_a_package() -> None:
    """Only what both hold counts, however it is wrapped; another dependency is another package."""
    listed = b"Package: nginx\nArchitecture: amd64\nVersion: 1:1.22.1-9\nPriority: optional\nSHA256: 00\n"
    listed += b"Maintainer: M <m@example.org>\nDepends: libc6 (>= 2.34), libpcre2-8-0\n"
    from vps_sentry.packages.status import essence, fields

    assert only(NGINX).essence == essence(fields(listed))
    assert only(NGINX).essence != essence(fields(listed.replace(b"2.34", b"2.36")))
